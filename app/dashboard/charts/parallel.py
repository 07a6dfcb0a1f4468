"""Parallel coordinates: a line for each trial across its hyperparameters and its objective."""

import math
from collections.abc import Collection
from typing import Any

from app.dashboard.charts.look import LINE, TEXT, Options, axes_of, axis, chart, columns
from app.views.axes import PARAMETER
from app.views.shape import Axis, Series, View

_GOOD_TO_BAD = ["#16a34a", "#3b82f6", "#a78bfa", "#d6a3c9"]


def hyperparameters(view: View) -> list[Axis]:
    """The axes of hyperparameters."""
    return [each for each in view.axes if each.name.startswith(PARAMETER)]


def parallel(view: View, *, hidden: Collection[str], top: int) -> Options:
    """Lines of the trials with an objective, the better ones darker and drawn last.

    Args:
        view: parallel-coordinates.
        hidden: hyperparameters to leave out.
        top: the best so many per cent of the trials.
    """
    axes = axes_of(view)
    objective = axes["objective"]
    shown = [each for each in hyperparameters(view) if each.label not in hidden]
    names = [each.name for each in shown]
    rows = _best(view.series[0], objective, top, names)
    values = [row[-2] for row in rows]
    kinds = [each.type for each in [*shown, objective]]
    lines = {
        "type": "parallel",
        "lineStyle": {"width": 1.4, "opacity": 0.65},
        "inactiveOpacity": 0.03,
        "data": [[_place(*pair) for pair in zip(row, kinds, strict=False)] for row in rows],
        "numbers": [row[-1] for row in rows],
    }
    return chart(
        f"Parallel coordinates of {len(rows)} trials",
        [lines],
        legend={"show": False},
        parallel={"left": 60, "right": 70, "top": 40, "bottom": 24},
        parallelAxis=[
            {"dim": dim, **axis(each, nameLocation="end", areaSelectStyle={"width": 18})}
            for dim, each in enumerate([*shown, objective])
        ],
        visualMap={
            "show": False,
            "dimension": len(names),
            "min": min(values, default=0),
            "max": max(values, default=1),
            "inRange": {
                "color": _GOOD_TO_BAD
                if objective.direction == "minimize"
                else list(reversed(_GOOD_TO_BAD))
            },
        },
        textStyle={"color": TEXT},
        axisPointer={"lineStyle": {"color": LINE}},
    )


def _best(series: Series, objective: Axis, top: int, names: list[str]) -> list[list[Any]]:
    """The best so many per cent, the worst of them first, so that the best lie on top."""
    rows = [row for row in columns(series, *names, "objective", "number") if _finite(row[-2])]
    rows.sort(key=lambda row: row[-2], reverse=objective.direction == "minimize")
    keep = math.ceil(len(rows) * top / 100)
    return rows[len(rows) - keep :]


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _place(value: object, kind: str) -> object:
    """What ECharts takes: categories are texts, an absent hyperparameter is a gap."""
    if value is None:
        return "-"
    return str(value) if kind == "category" else value
