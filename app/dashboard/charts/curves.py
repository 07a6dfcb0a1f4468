"""Learning curves of all trials, and where early termination cut them off."""

from collections.abc import Iterable

from app.dashboard.charts.look import (
    BEST,
    COLOURS,
    Options,
    axes_of,
    below,
    beside,
    chart,
    columns,
)
from app.dashboard.formats import words
from app.sweep.state import TrialStatus
from app.views.shape import Series, View

POINTS = 20_000
"""Points that all curves have together at most, lest drawing take long."""
_THRESHOLD = "#be185d"


def learning_curves(view: View, *, best: int | None, log: bool) -> Options:
    """One line for all trials of a state, with gaps between them; the best trial's on top."""
    axes = axes_of(view)
    drawn = []
    for status in TrialStatus:
        curves = [each for each in view.series if each.status == status and each.trial != best]
        if curves:
            drawn.append(_lines(words(status), COLOURS[status], curves, 1.2, 0.55))
    if winner := [each for each in view.series if each.trial == best]:
        drawn.append(_lines("best", BEST, winner, 2.6, 1.0))
    stops = [mark for each in view.series for mark in each.marks]
    if stops:
        stopped = COLOURS[TrialStatus.EARLY_TERMINATED]
        drawn.append(
            _marks("stopped", stopped, "triangle", [(s["step"], s["value"]) for s in stops])
        )
        held = [(s["step"], s["threshold"]) for s in stops if s["threshold"] is not None]
        drawn.append(_marks("threshold then", _THRESHOLD, "rect", held, [14, 3]))
    return chart(
        f"Learning curves of {len(view.series)} trials, of which {len(stops)} were stopped early",
        drawn,
        xAxis=below(axes["step"]),
        yAxis=beside(axes["value"], log=log),
        dataZoom=[{"type": "inside"}],
    )


def _lines(
    name: str, colour: str, curves: Iterable[Series], width: float, opacity: float
) -> Options:
    data: list[list[object]] = []
    for each in curves:
        data += columns(each, "step", "value")
        data.append([None, None])
    return {
        "type": "line",
        "name": name,
        "symbol": "none",
        "connectNulls": False,
        "lineStyle": {"color": colour, "width": width, "opacity": opacity},
        "itemStyle": {"color": colour},
        "data": data,
    }


def _marks(
    name: str, colour: str, symbol: str, data: Iterable[tuple[object, object]], size: object = 9
) -> Options:
    return {
        "type": "scatter",
        "name": name,
        "symbol": symbol,
        "symbolSize": size,
        "itemStyle": {"color": colour},
        "data": [list(pair) for pair in data],
        "z": 5,
    }
