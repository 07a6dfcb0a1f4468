"""One metric of one trial, with the thresholds that early termination held it against."""

from collections.abc import Sequence

from app.dashboard.charts.look import COLOURS, Options, below, beside, chart
from app.sweep.state import Decision, TrialStatus
from app.views.shape import Axis, Row

_THRESHOLD = "#be185d"


def metric_chart(metric: str, rows: Sequence[Row], decisions: Sequence[Decision]) -> Options:
    """Step against value.

    Args:
        metric: its name.
        rows: step, value, report, seconds.
        decisions: those about this metric; empty: none.
    """
    colour = COLOURS[TrialStatus.COMPLETED]
    steps = {row[2]: row[0] for row in rows}
    held = [
        [steps[each.interval], each.threshold]
        for each in decisions
        if each.threshold is not None and each.interval in steps
    ]
    series: list[Options] = [
        {
            "type": "line",
            "name": metric,
            "symbolSize": 5,
            "showSymbol": len(rows) < 50,  # noqa: PLR2004 - more would hide the line
            "lineStyle": {"color": colour, "width": 2},
            "itemStyle": {"color": colour},
            "data": [[row[0], row[1]] for row in rows],
        }
    ]
    if held:
        series.append(
            {
                "type": "line",
                "name": "threshold",
                "symbol": "rect",
                "symbolSize": 4,
                "lineStyle": {"color": _THRESHOLD, "type": "dashed", "width": 1.5},
                "itemStyle": {"color": _THRESHOLD},
                "data": held,
            }
        )
    last = f", the last {rows[-1][1]:.6g}" if rows else ""
    return chart(
        f"{metric}: {len(rows)} values{last}",
        series,
        xAxis=below(Axis(name="step", label="step")),
        yAxis=beside(Axis(name="value", label=metric)),
        dataZoom=[{"type": "inside"}],
    )
