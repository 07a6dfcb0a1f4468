"""What charts need of a sweep, column by column: row objects would cost more than the queries."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.store.clocks import epoch
from app.store.database import Database
from app.store.rights import seen
from app.store.tables import DECISIONS, EVENTS, METRICS, SWEEPS, TRIALS
from app.store.values import decision_of
from app.sweep.document import SweepDocument
from app.sweep.errors import NotFoundError
from app.sweep.record import Outcome
from app.sweep.state import Decision, TrialStatus

_T = TRIALS.c
_M = METRICS.c
_AT_ONCE = 5000
_TRIALS_ASKED_FOR = 500
"""Numbers that one query names at most."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """All trials of a sweep, by number, as they stood after the event `newest` at the earliest."""

    sweep_id: int
    document: SweepDocument
    newest: int
    trials: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Reports:
    """Reports of a metric by a trial's latest attempt but for NaN, in the order of arrival.

    `times` are seconds since 1970.
    """

    trial: int
    intervals: Sequence[int]
    steps: Sequence[int]
    values: Sequence[float]
    times: Sequence[float]


def newest(db: Database, sweep: str) -> int:
    """The id of the sweep's newest event.

    Raises:
        NotFoundError: there is no such sweep.
    """
    with db.read() as session:
        _found(session, sweep)
        return _newest(session, sweep)


def outcomes(db: Database, sweep: str) -> Outcomes:
    """All trials of a sweep.

    Raises:
        NotFoundError: there is no such sweep.
    """
    columns = (
        _T.number,
        _T.status,
        _T.attempt,
        _T.objective_value,
        _T.parameters,
        _T.queued_at,
        _T.started_at,
        _T.finished_at,
        _T.duration_seconds,
    )
    with db.read() as session:
        sweep_id = _found(session, sweep)
        last = _newest(session, sweep)
        document = session.execute(select(SWEEPS.c.document).where(SWEEPS.c.id == sweep_id))
        rows = session.execute(
            select(*columns).where(_T.sweep_id == sweep_id).order_by(_T.number)
        ).all()
        stored = document.scalar_one()
    found = [
        Outcome(
            number=number,
            status=TrialStatus(status),
            attempt=attempt,
            objective=value,
            parameters=parameters,
            queued_at=queued,
            started_at=started,
            finished_at=finished,
            duration=duration,
        )
        for number, status, attempt, value, parameters, queued, started, finished, duration in rows
    ]
    return Outcomes(sweep_id, SweepDocument.stored(stored), last, found)


def changed(db: Database, sweep: str, after: int) -> set[int] | None:
    """Numbers of the trials that events after that id are about.

    None: a sweep of that name was purged since, so that all is another; or retention has removed
    events after that id, so that nobody can tell.
    """
    oldest = select(func.min(EVENTS.c.id)).where(EVENTS.c.sweep == sweep)
    statement = (
        select(EVENTS.c.trial, EVENTS.c.type == "sweep.purged")
        .distinct()
        .where(EVENTS.c.sweep == sweep, EVENTS.c.id > after)
    )
    with db.read() as session:
        first = session.execute(oldest).scalar_one()
        rows = session.execute(statement).all()
    if (first is not None and first > after) or any(purged for _, purged in rows):
        return None
    return {trial for trial, _ in rows if trial is not None}


def reports(
    db: Database, sweep_id: int, metric: str, numbers: Collection[int] | None
) -> Iterator[Reports]:
    """What trials reported of a metric, trial by trial.

    Args:
        db: the database.
        sweep_id: of the sweep.
        metric: its name.
        numbers: of the only trials that are asked for; None: all.
    """
    statement = (
        select(_M.trial, _M.interval, _M.step, _M.value, epoch(_M.recorded_at))
        .where(_M.sweep_id == sweep_id, _M.name == metric, _M.value.is_not(None))
        .order_by(_M.trial, _M.id)
    )
    if numbers is None:
        yield from _grouped(db, statement)
        return
    wanted = sorted(numbers)
    for start in range(0, len(wanted), _TRIALS_ASKED_FOR):
        some = wanted[start : start + _TRIALS_ASKED_FOR]
        yield from _grouped(db, statement.where(_M.trial.in_(some)))


def stops(db: Database, sweep_id: int) -> list[Decision]:
    """The decisions that stopped trials."""
    statement = select(DECISIONS).where(
        DECISIONS.c.sweep_id == sweep_id,
        DECISIONS.c.verdict == "stop",
        DECISIONS.c.too_late.is_(False),
    )
    with db.read() as session:
        return [decision_of(row) for row in session.execute(statement.order_by(DECISIONS.c.id))]


def identified(db: Database, sweep: str) -> int:
    """The id of a sweep.

    Raises:
        NotFoundError: there is no such sweep.
    """
    with db.read() as session:
        return _found(session, sweep)


def thresholds(
    db: Database, sweep_id: int, number: int, attempt: int
) -> list[tuple[int, float | None]]:
    """What a trial's reports were held against: interval and threshold, in the order of arrival.

    Figures of the trials that were compared, which are most of an entry, are not read.
    """
    found = DECISIONS.c
    statement = select(found.interval, found.figures["threshold"].as_string()).where(
        found.sweep_id == sweep_id, found.trial == number, found.attempt == attempt
    )
    with db.read() as session:
        rows = session.execute(statement.order_by(found.id)).all()
    return [(interval, None if value is None else float(value)) for interval, value in rows]


def metric_names(db: Database, sweep_id: int) -> list[str]:
    """Names of the metrics that trials reported."""
    statement = select(_M.name).distinct().where(_M.sweep_id == sweep_id).order_by(_M.name)
    with db.read() as session:
        return list(session.execute(statement).scalars())


def _grouped(
    db: Database, statement: "Select[int, int, int, float | None, float]"
) -> Iterator[Reports]:
    with db.read(piecemeal=True) as session:
        rows = session.execute(statement.execution_options(yield_per=_AT_ONCE))
        for trial, some in groupby(rows, key=itemgetter(0)):
            _, intervals, steps, values, times = zip(*some, strict=True)
            yield Reports(trial, intervals, steps, values, times)


def _found(session: Session, sweep: str) -> int:
    statement = select(SWEEPS.c.id).where(SWEEPS.c.name == sweep, seen(session, SWEEPS.c.project))
    found = session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"There is no sweep named {sweep!r}.")
    return int(found)


def _newest(session: Session, sweep: str) -> int:
    statement = select(func.max(EVENTS.c.id)).where(EVENTS.c.sweep == sweep)
    return session.execute(statement).scalar_one() or 0
