"""How every chart looks: colours and marks of states, axes, texts readable on light and on dark."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.dashboard.formats import words
from app.sweep.state import TrialStatus
from app.views.shape import Axis, Series, View

Options = dict[str, Any]
"""Options of an Apache ECharts chart."""

TEXT = "#75797f"
LINE = "rgba(128,128,128,0.25)"
BEST = "#16a34a"
COLOURS = {
    TrialStatus.QUEUED: "#94a3b8",
    TrialStatus.RUNNING: "#8b5cf6",
    TrialStatus.COMPLETED: "#3b82f6",
    TrialStatus.EARLY_TERMINATED: "#d97706",
    TrialStatus.FAILED: "#dc2626",
    TrialStatus.CANCELED: "#94a3b8",
}
SYMBOLS = {
    TrialStatus.QUEUED: "emptyCircle",
    TrialStatus.RUNNING: "diamond",
    TrialStatus.COMPLETED: "circle",
    TrialStatus.EARLY_TERMINATED: "triangle",
    TrialStatus.FAILED: "rect",
    TrialStatus.CANCELED: "emptyCircle",
}


def chart(words: str, series: Sequence[Options], **more: object) -> Options:
    """A chart of these series; `words` say what it shows to those who do not see it."""
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "aria": {"enabled": True, "label": {"description": words}},
        "textStyle": {"color": TEXT},
        "legend": {"top": 0, "type": "scroll", "textStyle": {"color": TEXT}},
        "grid": {"left": 40, "right": 18, "top": 34, "bottom": 26, "containLabel": True},
        "tooltip": {"confine": True, "renderMode": "richText"},
        "series": list(series),
        **more,
    }


def axis(shown: Axis, *, log: bool = False, **more: object) -> Options:
    """An axis with its name; a logarithmic one where the values allow it."""
    kind = {"number": "value", "category": "category", "time": "time"}[shown.type]
    if kind == "value" and (log or shown.scale == "log"):
        kind = "log"
    options: Options = {
        "type": kind,
        "name": shown.label,
        "nameTextStyle": {"color": TEXT},
        "axisLabel": {"color": TEXT, "hideOverlap": True},
        "axisLine": {"lineStyle": {"color": LINE}},
        "splitLine": {"lineStyle": {"color": LINE}},
        "scale": True,
        **more,
    }
    if shown.type == "category" and shown.domain is not None:
        options["data"] = [str(value) for value in shown.domain]
    return options


def beside(shown: Axis, *, log: bool = False) -> Options:
    """A vertical axis, its name along it."""
    return {**axis(shown, log=log), "nameLocation": "middle", "nameGap": 44}


def below(shown: Axis, **more: object) -> Options:
    """A horizontal axis, its name in the middle below."""
    return {**axis(shown), "nameLocation": "middle", "nameGap": 26, **more}


def axes_of(view: View) -> Mapping[str, Axis]:
    """The axes by name."""
    return {each.name: each for each in view.axes}


def columns(series: Series, *names: str) -> list[list[Any]]:
    """The rows of a series with these columns only, in this order."""
    places = [series.axes.index(name) for name in names]
    return [[row[place] for place in places] for row in series.points]


def by_status(rows: Sequence[Sequence[Any]], place: int) -> dict[TrialStatus, list[Sequence[Any]]]:
    """Rows put together by the state in column `place`."""
    found: dict[TrialStatus, list[Sequence[Any]]] = {}
    for row in rows:
        found.setdefault(TrialStatus(row[place]), []).append(row)
    return {status: found[status] for status in TrialStatus if status in found}


def points(status: TrialStatus, rows: Sequence[Sequence[Any]], **more: object) -> Options:
    """A scatter series of the trials in one state."""
    return {
        "type": "scatter",
        "name": words(status),
        "symbol": SYMBOLS[status],
        "symbolSize": 8,
        "itemStyle": {"color": COLOURS[status]},
        "data": [list(row) for row in rows],
        **more,
    }
