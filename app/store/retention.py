"""What retention looks at and writes down: which sweeps are due, what of them is gone.

Every transaction is short: others write in between.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from app.store import events
from app.store.database import Database
from app.store.events import NewEvent
from app.store.tables import DECISIONS, EVENTS, METRICS, SWEEPS, WEBHOOK_DELIVERIES, WEBHOOKS
from app.store.values import AnyRow
from app.sweep.document import BackendName
from app.sweep.retention import Cutoffs, Part
from app.sweep.state import SweepStatus
from app.sweep.webhook import DeliveryStatus

_C = SWEEPS.c
_E = EVENTS.c
_NOTED: Mapping[Part, str] = {
    "artifacts": "artifacts_removed_at",
    "logs": "logs_removed_at",
    "metrics": "metrics_thinned_at",
    "events": "events_removed_at",
}
_AT_ONCE = 100
ROWS_AT_ONCE = 1000
"""Reports or decisions that one transaction removes."""
EVENTS_AT_ONCE = 500
"""Events that one transaction removes."""
_FINISHED = [status.value for status in SweepStatus if status.finished]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A sweep of which parts are due."""

    id: int
    name: str
    backend: BackendName
    parts: frozenset[Part]


def note_archived(db: Database) -> None:
    """Give sweeps that were archived by an earlier version the moment from which that counts."""
    unknown = select(_C.id).where(_C.archived.is_(True), _C.archived_at.is_(None))
    while True:
        with db.read() as session:
            ids = session.scalars(unknown.limit(_AT_ONCE)).all()
        if not ids:
            return
        with db.write() as session:
            session.execute(
                update(SWEEPS)
                .where(_C.id.in_(ids), _C.archived.is_(True), _C.archived_at.is_(None))
                .values(archived_at=datetime.now(UTC))
            )


def due(db: Database, cutoffs: Cutoffs) -> Iterator[Candidate]:
    """The sweeps of which something is due, the oldest first; read a page at a time."""
    if not cutoffs:
        return
    conditions = {part: _due(part, at) for part, at in cutoffs.items()}
    labelled = [condition.label(part) for part, condition in conditions.items()]
    statement = select(_C.id, _C.name, _C.backend, *labelled).where(or_(*conditions.values()))
    after = 0
    while True:
        with db.read() as session:
            rows = session.execute(
                statement.where(_C.id > after).order_by(_C.id).limit(_AT_ONCE)
            ).all()
        if not rows:
            return
        after = rows[-1].id
        for row in rows:
            parts = frozenset(part for part in cutoffs if getattr(row, part))
            yield Candidate(id=row.id, name=row.name, backend=row.backend, parts=parts)


def still_due(db: Database, candidate: Candidate, part: Part, cutoffs: Cutoffs) -> bool:
    """False when the sweep has gone on, or was removed, since it was found."""
    statement = select(func.count()).where(_C.id == candidate.id, _due(part, cutoffs[part]))
    with db.read() as session:
        return bool(session.execute(statement).scalar_one())


def note(db: Database, candidate: Candidate, part: Part, cutoffs: Cutoffs) -> None:
    """Write down that a part is gone, so that it is not looked for again, with an event."""
    with db.write() as session:
        row = session.execute(
            update(SWEEPS)
            .where(_C.id == candidate.id, _due(part, cutoffs[part]))
            .values({_NOTED[part]: datetime.now(UTC)})
            .returning(_C.name, _C.project, _C.provider_status, _C.provider_url)
        ).one_or_none()
        # Events are the last to go: one about that would stay behind.
        if row is not None and part != "events":
            events.append(session, [_changed(row)], project=row.project)


def empty(db: Database, candidate: Candidate) -> Iterator[int]:
    """Remove reports and decisions of an archived sweep that is about to be purged.

    Yields after each transaction how many rows it removed; all at once would keep others waiting.
    """
    archived = exists().where(_C.id == candidate.id, _C.archived, _C.status.in_(_FINISHED))
    for table in (METRICS, DECISIONS):
        some = select(table.c.id).where(table.c.sweep_id == candidate.id).limit(ROWS_AT_ONCE)
        gone = 1
        while gone:
            with db.write() as session:
                statement = delete(table).where(table.c.id.in_(some), archived)
                gone = len(session.execute(statement.returning(table.c.id)).all())
            yield gone


def old_events(db: Database, sweep: str, before: datetime) -> int:
    """How many events of a sweep `remove_events` would remove."""
    with db.read() as session:
        until = _until(session, sweep, before)
        statement = select(func.count()).where(_E.sweep == sweep, _E.id < until)
        return session.execute(statement).scalar_one()


def remove_events(db: Database, sweep: str, before: datetime) -> int:
    """Remove some of a sweep's oldest events; 0: there are none left to remove.

    The newest stays, since its id tells whether views are still true. So do those from before
    `before` that a webhook has not been told of, and all that came after one that stays: nobody
    then misses one in the middle.
    """
    with db.write() as session:
        until = _until(session, sweep, before)
        oldest = (
            select(_E.id)
            .where(_E.sweep == sweep, _E.id < until)
            .order_by(_E.id)
            .limit(EVENTS_AT_ONCE)
        )
        ids = session.scalars(oldest).all()
        if ids:
            session.execute(delete(EVENTS).where(_E.sweep == sweep, _E.id <= ids[-1]))
        return len(ids)


def waits_for_webhooks(db: Database, sweep: str, before: datetime) -> bool:
    """True when old events stay because a webhook has yet to be told of them."""
    with db.read() as session:
        return _until(session, sweep, before) < _until(session, sweep, before, webhooks=False)


def _until(session: Session, sweep: str, before: datetime, *, webhooks: bool = True) -> int:
    """The id of the first event of the sweep that stays."""
    of_sweep = _E.sweep == sweep
    # The newest of the old ones, even if there are newer ones: those may be about the removal.
    bounds = [
        session.execute(select(func.max(_E.id)).where(of_sweep, _E.at < before)).scalar_one(),
        session.execute(select(func.min(_E.id)).where(of_sweep, _E.at >= before)).scalar_one(),
    ]
    if webhooks:
        pending = WEBHOOK_DELIVERIES.c.status == literal_column(f"'{DeliveryStatus.PENDING}'")
        told = session.execute(select(func.min(WEBHOOKS.c.position)).where(WEBHOOKS.c.active))
        position = told.scalar_one()
        bounds.append(None if position is None else position + 1)
        bounds.append(
            session.execute(
                select(func.min(WEBHOOK_DELIVERIES.c.event_id)).where(pending)
            ).scalar_one()
        )
    return min((bound for bound in bounds if bound is not None), default=0)


def _due(part: Part, at: datetime) -> ColumnElement[bool]:
    ended = and_(_C.status.in_(_FINISHED), _C.finished_at < at)
    if part == "archived":
        return and_(ended, _C.archived.is_(True), _C.archived_at < at)
    noted = _C[_NOTED[part]]
    # A sweep that went on since, and has ended again, has new things to remove.
    return and_(ended, or_(noted.is_(None), noted < _C.finished_at))


def _changed(row: AnyRow) -> NewEvent:
    data = {"provider_status": row.provider_status, "provider_url": row.provider_url}
    return NewEvent("sweep.details", row.name, data)
