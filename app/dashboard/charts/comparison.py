"""How the best values of compared sweeps came about; each sweep keeps its look."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.dashboard import formats
from app.dashboard.charts.look import TEXT, Options, below, beside, chart
from app.dashboard.comparison import Compared
from app.views.shape import Axis

_COLOURS = ("#2f74d0", "#d9700b", "#2a9d5c", "#a855c7", "#c23b53")
_STROKES = ("solid", "dashed", "dotted", [12, 4, 2, 4], [3, 3])
_SYMBOLS = ("circle", "rect", "triangle", "diamond", "pin")
_UNITS = ((3600, "hours"), (60, "minutes"))


def against_trials(
    found: Sequence[Compared], place: Mapping[str, int], *, log: bool = False
) -> Options:
    """Best values over the number of trials that had ended.

    Args:
        found: sweeps of one objective, at least one.
        place: where each stands among all that are compared; its colour and stroke.
        log: on a logarithmic axis.
    """
    lines = [[[point.ended, point.value] for point in each.line] for each in found]
    return _chart(found, lines, place, found[0].axes["ended"], log=log)


def against_time(
    found: Sequence[Compared], place: Mapping[str, int], *, log: bool = False
) -> Options:
    """Best values over the time since each sweep's first trial; see `against_trials`."""
    longest = max((each.line[-1].seconds for each in found if each.line), default=0.0)
    unit, words = next((unit for unit in _UNITS if longest >= 2 * unit[0]), (1, "seconds"))
    lines = [[[point.seconds / unit, point.value] for point in each.line] for each in found]
    along = found[0].axes["elapsed"]
    along = replace(along, label=along.label.replace("seconds", words))
    return _chart(found, lines, place, along, log=log)


def _chart(
    found: Sequence[Compared],
    lines: Sequence[list[list[float]]],
    place: Mapping[str, int],
    along: Axis,
    *,
    log: bool,
) -> Options:
    said = "; ".join(
        f"{each.record.name}: {formats.number(each.line[-1].value) if each.line else 'none yet'}"
        for each in found
    )
    names = [each.record.name for each in found]
    drawn = [_series(name, line, place[name]) for name, line in zip(names, lines, strict=True)]
    shown = any(lines)
    return chart(
        f"Best value over {along.label}. {said}",
        drawn,
        title={
            "text": "" if shown else "No trial has completed yet",
            "left": "center",
            "top": "middle",
            "textStyle": {"color": TEXT, "fontSize": 14, "fontWeight": "normal"},
        },
        xAxis=below(along, min=0, show=shown),
        yAxis={**beside(found[0].axes["objective"], log=log), "show": shown},
    )


def _series(name: str, line: list[list[float]], place: int) -> Options:
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
