"""Charts of how the best values of compared sweeps came about; each sweep keeps its look."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.dashboard import formats
from app.dashboard.comparison import Compared

TEXT_COLOUR = "#757575"
"""Read on light and on dark."""
_COLOURS = ("#2f74d0", "#d9700b", "#2a9d5c", "#a855c7", "#c23b53")
_STROKES = ("solid", "dashed", "dotted", [12, 4, 2, 4], [3, 3])
_SYMBOLS = ("circle", "rect", "triangle", "diamond", "pin")
_UNITS = ((3600, "hours"), (60, "minutes"))


def against_trials(found: Sequence[Compared], place: Mapping[str, int]) -> dict[str, Any]:
    """The chart of best values over the number of trials that had ended.

    Args:
        found: sweeps of one objective.
        place: where each stands among all that are compared; its colour and stroke.
    """
    points = [[[point.ended, point.value] for point in each.line] for each in found]
    return _chart(found, points, place, "trials ended")


def against_time(found: Sequence[Compared], place: Mapping[str, int]) -> dict[str, Any]:
    """The chart of best values over the time since each sweep began; see `against_trials`."""
    longest = max((each.line[-1].seconds for each in found if each.line), default=0.0)
    unit, words = next((unit for unit in _UNITS if longest >= 2 * unit[0]), (1, "seconds"))
    points = [[[point.seconds / unit, point.value] for point in each.line] for each in found]
    return _chart(found, points, place, f"{words} since each sweep began")


def _chart(
    found: Sequence[Compared],
    points: Sequence[list[list[float]]],
    place: Mapping[str, int],
    along: str,
) -> dict[str, Any]:
    said = "; ".join(
        f"{each.record.name}: {formats.number(each.line[-1].value) if each.line else 'none yet'}"
        for each in found
    )
    axis = {
        "type": "value",
        "axisLabel": {"color": TEXT_COLOUR},
        "splitLine": {"lineStyle": {"color": "rgba(128, 128, 128, 0.2)"}},
        "show": any(points),
        "axisLine": {"show": True, "lineStyle": {"color": TEXT_COLOUR}},
    }
    metric = found[0].objective.split(" ", 1)[1] if found else ""
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "aria": {"enabled": True, "label": {"description": f"Best value over {along}. {said}"}},
        "title": {
            "text": "" if any(points) else "No trial has completed yet",
            "left": "center",
            "top": "middle",
            "textStyle": {"color": TEXT_COLOUR, "fontSize": 14, "fontWeight": "normal"},
        },
        "legend": {
            "top": 0,
            "type": "scroll",
            "textStyle": {"color": TEXT_COLOUR},
            "pageTextStyle": {"color": TEXT_COLOUR},
            "pageIconColor": TEXT_COLOUR,
        },
        "tooltip": {"trigger": "item", "confine": True},
        "grid": {"left": 12, "right": 20, "top": 52, "bottom": 26, "containLabel": True},
        "xAxis": {
            **axis,
            "min": 0,
            "name": along,
            "nameTextStyle": {"color": TEXT_COLOUR},
            "nameLocation": "middle",
            "nameGap": 28,
        },
        "yAxis": {
            **axis,
            "scale": True,
            "name": f"best {metric} so far",
            "nameTextStyle": {"color": TEXT_COLOUR, "align": "left"},
        },
        "series": [
            _series(each.record.name, line, place[each.record.name])
            for each, line in zip(found, points, strict=True)
        ],
    }


def _series(name: str, line: list[list[float]], place: int) -> dict[str, Any]:
    colour = _COLOURS[place % len(_COLOURS)]
    return {
        "type": "line",
        "name": name,
        "step": "end",
        "data": line,
        "symbol": _SYMBOLS[place % len(_SYMBOLS)],
        "symbolSize": 7,
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "width": 2, "type": _STROKES[place % len(_STROKES)]},
    }
