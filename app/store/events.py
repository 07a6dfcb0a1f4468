"""What happened, in the order in which it was committed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.store import last_words, signals
from app.store.database import Database
from app.store.rights import seen
from app.store.tables import EVENTS
from app.sweep.event_types import EventType
from app.sweep.record import Event

_MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that has just happened; `data` holds plain JSON values.

    `trial` is the number of the trial that it is about.
    """

    type: EventType
    sweep: str | None
    data: Mapping[str, object]
    trial: int | None = None


def append(session: Session, events: Sequence[NewEvent], *, project: str | None) -> None:
    """Have events about something of a project written down when the transaction ends."""
    if not events:
        return
    rows = [
        {
            "type": event.type,
            "sweep": event.sweep,
            "project": project,
            "trial": event.trial,
            "data": dict(event.data),
        }
        for event in events
    ]
    last_words.put(session, rows)
    signals.note(session, signals.EVENTS)


def page(
    db: Database,
    *,
    sweep: str | None = None,
    types: Collection[EventType] | None = None,
    projects: Collection[str] | None = None,
    after: int = 0,
    limit: int,
) -> list[Event]:
    """The events after number `after`, oldest first; of one sweep or of all, of these types or all.

    `projects` are the only ones that count, within what the caller may see.
    """
    statement = select(EVENTS).where(EVENTS.c.id > min(after, _MAX_ID))
    if sweep is not None:
        statement = statement.where(EVENTS.c.sweep == sweep)
    if types is not None:
        statement = statement.where(EVENTS.c.type.in_(types))
    if projects is not None:
        statement = statement.where(EVENTS.c.project.in_(sorted(projects)))
    with db.read() as session:
        statement = statement.where(seen(session, EVENTS.c.project))
        rows = session.execute(statement.order_by(EVENTS.c.id).limit(limit)).all()
    return [
        Event(
            id=row.id,
            type=row.type,
            sweep=row.sweep,
            project=row.project,
            data=row.data,
            at=row.at,
        )
        for row in rows
    ]


def newest(db: Database, sweep: str | None = None) -> int:
    """The id of the newest event, of one sweep or of all; 0 while there is none."""
    statement = select(func.max(EVENTS.c.id))
    if sweep is not None:
        statement = statement.where(EVENTS.c.sweep == sweep)
    with db.read() as session:
        return session.execute(statement).scalar_one() or 0
