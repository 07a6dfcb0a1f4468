"""Reports of sweeps that ended long ago are thinned, a trial at a time, in short transactions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session

from app.store import events
from app.store.database import Database
from app.store.events import NewEvent
from app.store.tables import METRICS, SWEEPS
from app.sweep.retention import Report, kept
from app.sweep.state import SweepStatus

REPORTS_AT_ONCE = 1000
"""Reports that one transaction looks at, and removes most of."""
_READ_AT_ONCE = 5000
_M = METRICS.c
_FINISHED = [status.value for status in SweepStatus if status.finished]


@dataclass(frozen=True, slots=True)
class Curve:
    """The reports of one metric by one trial, more than are to be kept."""

    sweep_id: int
    sweep: str
    trial: int
    name: str
    last_interval: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What stays of a curve.

    Attributes:
        removed: how many reports go.
        kept: ids of those that stay.
        ends: ids up to which one transaction after another removes.
    """

    removed: int
    kept: frozenset[int]
    ends: Sequence[int]


def curves(db: Database, sweep_id: int, sweep: str, points: int) -> list[Curve]:
    """The curves of a sweep that have more than so many points."""
    last = func.max(_M.interval)
    statement = (
        select(_M.trial, _M.name, last)
        .where(_M.sweep_id == sweep_id)
        .group_by(_M.trial, _M.name)
        .having(last > points)
        .order_by(_M.trial, _M.name)
    )
    with db.read() as session:
        rows = session.execute(statement).all()
    return [Curve(sweep_id, sweep, trial, name, longest) for trial, name, longest in rows]


def plan(db: Database, curve: Curve, points: int) -> Plan:
    """Which of a curve's reports stay."""
    seen: list[int] = []

    def read(session: Session) -> Iterator[Report]:
        statement = (
            select(_M.id, _M.interval, _M.value).where(*_of(curve)).order_by(_M.trial, _M.id)
        )
        for row in session.execute(statement.execution_options(yield_per=_READ_AT_ONCE)):
            seen.append(row.id)
            yield Report(row.id, row.interval, row.value)

    with db.read(piecemeal=True) as session:
        staying = kept(read(session), curve.last_interval, points)
    ends = [*seen[REPORTS_AT_ONCE - 1 :: REPORTS_AT_ONCE], *seen[-1:]]
    return Plan(len(seen) - len(staying), frozenset(staying), ends)


def thin(db: Database, curve: Curve, found: Plan) -> Iterator[int]:
    """Remove what does not stay; yields, after each transaction, how many reports it removed.

    With each goes an event about the trial, by which views know that they are no longer true.
    """
    after = 0
    for end in found.ends:
        some = [report for report in found.kept if after < report <= end]
        ended = exists().where(SWEEPS.c.id == curve.sweep_id, SWEEPS.c.status.in_(_FINISHED))
        with db.write() as session:
            gone = session.execute(
                delete(METRICS)
                .where(*_of(curve), _M.id > after, _M.id <= end, _M.id.not_in(some), ended)
                .returning(_M.id)
            ).all()
            if gone:
                data = {"number": curve.trial}
                told = NewEvent("trial.details", curve.sweep, data, trial=curve.trial)
                project = session.execute(
                    select(SWEEPS.c.project).where(SWEEPS.c.id == curve.sweep_id)
                ).scalar_one()
                events.append(session, [told], project=project)
        after = end
        yield len(gone)


def _of(curve: Curve) -> tuple[ColumnElement[bool], ...]:
    return _M.sweep_id == curve.sweep_id, _M.trial == curve.trial, _M.name == curve.name
