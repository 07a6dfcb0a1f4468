"""Optimisation history: every trial's objective, and the best so far."""

from app.dashboard.charts.look import (
    BEST,
    Options,
    axes_of,
    below,
    beside,
    by_status,
    chart,
    columns,
    points,
)
from app.views.shape import View


def history(view: View, *, log: bool) -> Options:
    """Number of the trial against its objective; what was stopped has another mark."""
    axes = axes_of(view)
    trials, best = view.series[:2]
    rows = [row for row in columns(trials, "number", "objective", "status") if row[1] is not None]
    marked = [points(status, some) for status, some in by_status(rows, 2).items()]
    line = columns(best, "number", "objective")
    if line and rows:
        line.append([max(row[0] for row in rows), line[-1][1]])
    series = {
        "type": "line",
        "name": "best so far",
        "step": "end",
        "symbol": "none",
        "lineStyle": {"color": BEST, "width": 2},
        "itemStyle": {"color": BEST},
        "data": line,
    }
    words = f"Optimisation history: objectives of {len(rows)} trials"
    if line:
        words += f"; the best so far is {line[-1][1]:.6g}"
    return chart(
        words,
        [*marked, series],
        xAxis=below(axes["number"], minInterval=1),
        yAxis=beside(axes["objective"], log=log),
    )
