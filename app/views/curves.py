"""Learning curves: what every trial reported of a metric, in fewer points that look alike."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from tsdownsample import LTTBDownsampler

from app.sweep.document import SweepDocument
from app.sweep.record import Outcome
from app.sweep.state import Decision
from app.views.axes import objective
from app.views.shape import Axis, Cell, Row, Series

FEWEST_POINTS, MOST_POINTS = 2, 1000
_STEP = Axis(name="step", label="step")
_INTERVAL = Axis(name="interval", label="report")
_SECONDS = Axis(name="seconds", label="seconds since the trial started")

Floats = npt.NDArray[np.float64]
_LTTB: Any = LTTBDownsampler()  # type: ignore[no-untyped-call]  # the library has no types


def thinned(x: Floats, y: Floats, points: int) -> npt.NDArray[np.uint64]:
    """Places of at most about `points` points whose line looks like that of all.

    The first, the last, the least and the greatest are among them. By Largest-Triangle-Three-
    Buckets (Steinarsson 2013, hdl:1946/15343).

    Args:
        x: of shape (n,), not falling.
        y: of shape (n,), finite.
        points: at least 2.
    """
    if len(y) <= points:
        return np.arange(len(y), dtype=np.uint64)
    if points < 3:  # noqa: PLR2004 - the algorithm needs one bucket between the ends
        chosen = np.array([0, len(y) - 1], dtype=np.uint64)
    else:
        chosen = _LTTB.downsample(x, y, n_out=points)
    extremes = np.array([y.argmin(), y.argmax()], dtype=np.uint64)
    return np.union1d(chosen, extremes)


def curve(
    intervals: Sequence[int],
    steps: Sequence[int],
    values: Sequence[float],
    times: Sequence[float],
    started: datetime | None,
    points: int,
) -> list[Row]:
    """Rows of one trial's curve: step, value, report, seconds since `started`.

    Values that are not finite have no place on a curve and are left out.

    Args:
        intervals: of each report, rising.
        steps: of each report.
        values: of each report.
        times: of each report, in seconds since 1970.
        started: when the trial did, if that is known.
        points: at most, but for the least and the greatest value.
    """
    x, y = np.asarray(intervals, dtype=float), np.asarray(values, dtype=float)
    places = np.flatnonzero(np.isfinite(y))
    if not len(places):
        return []
    chosen = places[thinned(x[places], y[places], points)]
    seconds: list[float | None] = [None] * len(chosen)
    if started is not None:
        since = np.asarray(times, dtype=float)[chosen] - started.timestamp()
        seconds = (since.round(3) + 0.0).tolist()  # -0.0 becomes 0.0
    return [
        (steps[place], values[place], intervals[place], after)
        for place, after in zip(chosen.tolist(), seconds, strict=True)
    ]


def learning_curves(
    document: SweepDocument,
    metric: str,
    outcomes: Sequence[Outcome],
    curves: Mapping[int, Sequence[Row]],
    stops: Mapping[int, Decision],
    changed: Collection[int] | None,
) -> tuple[list[Axis], list[Series]]:
    """A series for each trial that reported: step, value, report, seconds since its start.

    One that has changed has a series in any case: without rows when it has yet to report (again).
    A stop by early termination is a mark: report, step, value, the threshold then, the reason.

    Args:
        document: the sweep's.
        metric: whose curves.
        outcomes: of all trials, by number.
        curves: of each trial, its rows.
        stops: the decision that stopped a trial.
        changed: the only trials that there are series of; None: all.
    """
    value = Axis(name="value", label=metric)
    if metric == document.objective.primary_metric:
        value = Axis(name="value", label=metric, direction=objective(document).direction)
    axes = [_STEP, value, _INTERVAL, _SECONDS]
    names = [axis.name for axis in axes]
    series = [
        Series(
            name=f"trial {each.number}",
            axes=names,
            points=curves.get(each.number, ()),
            trial=each.number,
            status=each.status,
            marks=_marks(curves.get(each.number, ()), stops.get(each.number)),
        )
        for each in outcomes
        if each.number in (curves if changed is None else changed)
    ]
    return axes, series


def _marks(rows: Sequence[Row], stop: Decision | None) -> list[dict[str, Cell]]:
    if stop is None:
        return []
    at = min(rows, key=lambda row: abs(float(row[2] or 0) - stop.interval), default=None)
    mark: dict[str, Cell] = {
        "interval": stop.interval,
        "step": at[0] if at is not None else None,
        "value": stop.value,
        "threshold": stop.threshold,
        "policy": stop.policy,
        "reason": stop.reason,
    }
    return [mark]
