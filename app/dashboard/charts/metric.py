"""One metric of one trial, with the thresholds that early termination held it against."""

from collections.abc import Sequence

from app.dashboard.charts.look import COLOURS, Options, below, beside, chart
from app.sweep.state import TrialStatus
from app.views.shape import Axis, Row

_THRESHOLD = "#be185d"
_MARKED = 50
"""Points that have a mark of their own at most; more would hide the line."""


def metric_chart(metric: str, rows: Sequence[Row], held: Sequence[Row]) -> Options:
    """Step against value.

    Args:
        metric: its name.
        rows: step, value, and more.
        held: step, threshold, and more; empty: none.
    """
    series = [_line(metric, COLOURS[TrialStatus.COMPLETED], rows, width=2)]
    if held:
        threshold = _line("threshold", _THRESHOLD, held, width=1.5)
        threshold["lineStyle"]["type"] = "dashed"
        series.append({**threshold, "symbol": "rect"})
    last = f", the last {rows[-1][1]:.6g}" if rows else ""
    against = f", thresholds at {len(held)} of them" if held else ""
    options = chart(
        f"{metric}: {len(rows)} values{last}{against}",
        series,
        xAxis=below(Axis(name="step", label="step"), minInterval=1),
        yAxis=beside(Axis(name="value", label=metric)),
        dataZoom=[{"type": "inside"}],
    )
    options["legend"]["show"] = bool(held)
    options["tooltip"]["trigger"] = "axis"
    return options


def _line(name: str, colour: str, rows: Sequence[Row], *, width: float) -> Options:
    return {
        "type": "line",
        "name": name,
        "symbolSize": 6,
        "showSymbol": len(rows) < _MARKED,
        "lineStyle": {"color": colour, "width": width},
        "itemStyle": {"color": colour},
        "data": [[row[0], row[1]] for row in rows],
    }
