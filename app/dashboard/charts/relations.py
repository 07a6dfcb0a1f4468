"""What matters: the importance of hyperparameters, and one of them against the objective."""

from app.dashboard.charts.look import (
    LINE,
    TEXT,
    Options,
    axes_of,
    below,
    beside,
    by_status,
    chart,
    columns,
    points,
)
from app.views.axes import PARAMETER
from app.views.shape import View


def importance(view: View) -> Options:
    """A bar for each hyperparameter, the most important one at the top."""
    rows = columns(view.series[0], "hyperparameter", "importance")
    rows = sorted((row for row in rows if row[1] is not None), key=lambda row: row[1])
    told = ", ".join(f"{row[0]} {row[1]:.0%}" for row in reversed(rows)) or "too few trials yet"
    return chart(
        f"Importance of the hyperparameters: {told}",
        [
            {
                "type": "bar",
                "name": "importance",
                "barMaxWidth": 22,
                "itemStyle": {"color": "#3b82f6"},
                "data": [row[1] for row in rows],
            }
        ],
        legend={"show": False},
        xAxis={
            "type": "value",
            "min": 0,
            "max": 1,
            "axisLabel": {"color": TEXT},
            "splitLine": {"lineStyle": {"color": LINE}},
        },
        yAxis={
            "type": "category",
            "data": [str(row[0]) for row in rows],
            "axisLabel": {"color": TEXT},
        },
    )


def slice_of(view: View, name: str, *, log: bool) -> Options:
    """One hyperparameter against the objective."""
    axes = axes_of(view)
    rows = [
        row
        for series in view.series
        if series.name == name
        for row in columns(series, PARAMETER + name, "objective", "status", "number")
        if row[0] is not None and row[1] is not None
    ]
    shown = axes[PARAMETER + name]
    if shown.type == "category":
        rows = [[str(row[0]), *row[1:]] for row in rows]
    marked = [
        points(status, [[row[0], row[1], row[3]] for row in some])
        for status, some in by_status(rows, 2).items()
    ]
    words = f"Slice: {name} against the objective of {len(rows)} trials"
    return chart(words, marked, xAxis=below(shown), yAxis=beside(axes["objective"], log=log))
