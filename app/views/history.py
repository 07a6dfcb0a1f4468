"""Optimisation history: the objective of every trial, and the best so far."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from app.sweep.document import SweepDocument
from app.sweep.record import Outcome
from app.sweep.state import TrialStatus, better
from app.views.axes import NUMBER, STATUS, objective
from app.views.shape import Axis, Row, Series, moment

_FINISHED = Axis(name="finished_at", label="finished", type="time")
_DURATION = Axis(name="duration", label="seconds")
_ENDED = Axis(name="ended", label="trials ended")
_ELAPSED = Axis(name="elapsed", label="seconds since the first trial started")


def history(
    document: SweepDocument, outcomes: Sequence[Outcome], changed: Collection[int] | None
) -> tuple[list[Axis], list[Series]]:
    """Every trial, and how the best value came to be.

    Series "trials": a row for each. "best so far": a row for each completed trial that is better
    than all of lower numbers. "best over time": a row for each that was better than all that had
    ended before it.

    Args:
        document: the sweep's.
        outcomes: of all trials, by number.
        changed: the only trials that "trials" has rows of; None: all.
    """
    axes = [NUMBER, objective(document), STATUS, _FINISHED, _DURATION, _ENDED, _ELAPSED]
    rows: list[Row] = [
        (
            outcome.number,
            outcome.objective,
            outcome.status.value,
            moment(outcome.finished_at),
            outcome.duration,
        )
        for outcome in outcomes
        if changed is None or outcome.number in changed
    ]
    trials = Series(name="trials", axes=[axis.name for axis in axes[:5]], points=rows)
    best = Series(
        name="best so far",
        axes=["number", "objective"],
        points=[(each.number, each.objective) for _, each in _improvements(document, outcomes)],
    )
    over_time = Series(
        name="best over time",
        axes=["number", "objective", "finished_at", "ended", "elapsed"],
        points=_over_time(document, outcomes),
    )
    return axes, [trials, best, over_time]


def _improvements(
    document: SweepDocument, outcomes: Iterable[Outcome]
) -> Iterator[tuple[int, Outcome]]:
    """Completed trials that are better than all before them, with their places from 1."""
    best: float | None = None
    for place, each in enumerate(outcomes, start=1):
        if each.status is not TrialStatus.COMPLETED or each.objective is None:
            continue
        if best is None or better(each.objective, best, document.objective.goal):
            best = each.objective
            yield place, each


def _over_time(document: SweepDocument, outcomes: Sequence[Outcome]) -> list[Row]:
    started = min((each.started_at for each in outcomes if each.started_at), default=None)
    ended = [each for each in outcomes if each.status.finished and each.finished_at]
    ended.sort(key=lambda each: (each.finished_at, each.number))
    found: list[Row] = []
    for place, each in _improvements(document, ended):
        elapsed = None
        if started is not None and each.finished_at is not None:
            elapsed = (each.finished_at - started).total_seconds()
        row = (each.number, each.objective, moment(each.finished_at), place, elapsed)
        found.append(row)
    return found
