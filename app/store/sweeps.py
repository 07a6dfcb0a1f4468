"""Sweeps: written down once, read, listed, asked to end, removed."""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.callers import Role
from app.access.quotas import Quota
from app.store import audit, events, signals
from app.store.clocks import clock
from app.store.database import Database
from app.store.events import NewEvent
from app.store.paging import Order, Page, page_of
from app.store.repeats import NAMED, made_before, remember
from app.store.rights import actor_of, only_seen, require, seen
from app.store.tables import SWEEPS
from app.store.tags import insert_tags, tagged
from app.store.usage import take
from app.store.values import AnyRow, sweep_of
from app.sweep.errors import ConflictError, NotFoundError
from app.sweep.record import NewSweep, SweepFilter, SweepRecord
from app.sweep.state import SweepStatus

_C = SWEEPS.c
_UNSEEN = frozenset(
    {"cursor", "wishes", "due_at", "lease_until", "lease_owner", "token", "failures"}
)
"""What only the tracker needs; a cursor may be longer than all the rest."""
_SEEN = [column for column in _C if column.name not in _UNSEEN]
_INSERT = insert(SWEEPS).values(due_at=clock()).returning(*_SEEN)
_NAMED_LOCKED = NAMED.with_for_update()
_ORDERS = {
    "-created_at": Order(
        column=_C.created_at, tie=_C.id, kind=datetime, descending=True, tie_descending=True
    ),
    "created_at": Order(column=_C.created_at, tie=_C.id, kind=datetime),
    "name": Order(column=_C.name, tie=_C.id, kind=str),
    "-name": Order(column=_C.name, tie=_C.id, kind=str, descending=True),
}


def add(db: Database, new: NewSweep, quota: Quota | None = None) -> tuple[SweepRecord, bool]:
    """Write a sweep down, due at once; the same one twice is one sweep.

    Args:
        db: the database.
        new: the sweep.
        quota: of its project; None: it has none.

    Returns:
        The sweep, and False when it was there already: under the same name or the same
        idempotency key of this caller, with the same document.

    Raises:
        ForbiddenError: the caller may not submit for its project.
        QuotaExceededError: its project would use more than it may.
        ConflictError: the name is taken by another document.
        IdempotencyMismatchError: the key was used with another document.
    """
    try:
        with db.write() as session:
            require(session, Role.OPERATOR, new.project)
            named = not new.nameless or new.idempotency_key is not None
            found = made_before(session, new) if named else None
            if found is not None:
                return found, False
            take(session, quota, new.project, new.document)
            return _insert(session, new), True
    except IntegrityError:
        # Somebody was quicker between our look and our insert; what they wrote decides.
        with db.write() as session:
            found = made_before(session, new)
        if found is None:
            raise
        return found, False


def get(db: Database, name: str) -> SweepRecord:
    """One sweep, archived or not.

    Raises:
        NotFoundError: there is none of that name.
    """
    with db.read() as session:
        return sweep_of(row_of(session, name))


def among(db: Database, names: Collection[str]) -> dict[str, SweepRecord]:
    """Those of these sweeps that there are, archived or not, by name."""
    statement = select(SWEEPS).where(_C.name.in_(sorted(names)))
    with db.read() as session:
        rows = session.execute(statement.where(seen(session, _C.project))).all()
    return {row.name: sweep_of(row) for row in rows}


def page(
    db: Database,
    wanted: SweepFilter,
    *,
    sort: str = "-created_at",
    limit: int,
    cursor: str | None = None,
) -> Page[SweepRecord]:
    """Sweeps that are not archived; `sort` is created_at or name, with - for descending.

    Raises:
        InvalidDocumentError: a sort key or cursor that is none.
    """
    statement = select(*_SEEN).where(_listed(wanted, sort))
    if wanted.status is not None:
        statement = statement.where(_C.status == wanted.status)
    if wanted.backend is not None:
        statement = statement.where(_C.backend == wanted.backend)
    if wanted.experiment_name is not None:
        statement = statement.where(_C.experiment_name == wanted.experiment_name)
    if wanted.tag is not None:
        statement = statement.where(tagged(*wanted.tag))
    if wanted.search is not None:
        statement = statement.where(
            or_(
                _C.name.icontains(wanted.search, autoescape=True),
                _C.experiment_name.icontains(wanted.search, autoescape=True),
            )
        )
    if wanted.created_by is not None:
        statement = statement.where(_C.created_by == wanted.created_by)
    if wanted.created_after is not None:
        statement = statement.where(_C.created_at > wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(_C.created_at < wanted.created_before)
    with db.read() as session:
        statement = statement.where(seen(session, _C.project))
        return page_of(session, statement, _ORDERS, sweep_of, sort=sort, limit=limit, cursor=cursor)


def code_wanted(db: Database) -> set[str]:
    """Digests of the code of all sweeps that have not ended."""
    statement = select(_C.code).where(_C.due_at.is_not(None), _C.code.is_not(None)).distinct()
    with db.read() as session:
        return {str(code) for code in session.execute(statement).scalars()}


def _listed(wanted: SweepFilter, sort: str) -> ColumnElement[bool]:
    """Not archived; said so that SQLite takes an index that serves the filter or the order better.

    It has no statistics, and would read or sort all rows by the index that begins with this.
    """
    better = (
        wanted.status
        or wanted.backend
        or wanted.experiment_name is not None
        or sort.endswith("name")
    )
    return (func.coalesce(_C.archived, False) if better else _C.archived).is_(False)


def request_cancel(db: Database, name: str) -> SweepRecord:
    """Note that somebody asked for the sweep's end; the tracker tells its backend.

    Raises:
        NotFoundError: there is none of that name.
        ForbiddenError: the caller is no operator of its project.
        ConflictError: it has ended.
    """
    with db.write() as session:
        row = row_of(session, name, lock=True)
        require(session, Role.OPERATOR, row.project)
        status = SweepStatus(row.status)
        if status.finished:
            raise ConflictError(f"The sweep {name!r} is {status} already.")
        if status is not SweepStatus.CANCELING:
            session.execute(
                update(SWEEPS)
                .where(_C.id == row.id)
                .values(status=SweepStatus.CANCELING, cancel_requested=True, due_at=clock())
            )
            signals.note_due(session, row.backend)
            audit.note(session, "sweep.cancel", name, project=row.project)
            news = [status_event(name, SweepStatus.CANCELING, None)]
            events.append(session, news, project=row.project)
        return sweep_of(row_of(session, name))


def archive(db: Database, name: str) -> None:
    """Leave a finished sweep out of the lists; its records stay.

    Raises:
        NotFoundError: there is none of that name.
        ConflictError: it has not ended.
    """
    with db.write() as session:
        row = _finished(session, name)
        session.execute(
            update(SWEEPS)
            .where(_C.id == row.id)
            .values(archived=True, archived_at=_archived_at(row))
        )
        audit.note(session, "sweep.archive", name, project=row.project)


def _archived_at(row: AnyRow) -> datetime | None:
    """Archiving again what is archived does not make it younger."""
    return row.archived_at if row.archived and row.archived_at else datetime.now(UTC)


def purge(db: Database, name: str) -> None:
    """Remove a finished sweep with its trials and reports; model versions stay.

    Raises:
        NotFoundError: there is none of that name.
        ConflictError: it has not ended.
    """
    with db.write() as session:
        row = _finished(session, name)
        session.execute(delete(SWEEPS).where(_C.id == row.id))
        audit.note(
            session,
            "sweep.purge",
            name,
            project=row.project,
            document_hash=row.document_hash,
        )
        events.append(session, [NewEvent("sweep.purged", name, {})], project=row.project)


def status_event(name: str, status: SweepStatus, reason: str | None) -> NewEvent:
    """The event of a sweep's new status."""
    return NewEvent("sweep.status", name, {"status": status.value, "status_reason": reason})


def _insert(session: Session, new: NewSweep) -> SweepRecord:
    document = new.document
    name = str(document.name)
    values = {
        "name": name,
        "archived": False,
        "project": new.project,
        "created_by": actor_of(session).caller.name,
        "backend": document.backend,
        "experiment_name": document.experiment_name,
        "primary_metric": document.objective.primary_metric,
        "goal": document.objective.goal,
        "document": document.normalized(),
        "document_hash": new.document_hash,
        "request_id": new.request_id,
        "code": new.code,
        "inputs": dict(new.inputs),
        "status": SweepStatus.SUBMITTING,
        "trial_counts": {},
        "warnings": list(new.warnings),
        "created_at": datetime.now(UTC),
        "failures": 0,
        "cancel_requested": False,
        "token": 0,
    }
    row = session.execute(_INSERT, values).one()
    insert_tags(session, row.id, sorted(document.tags.items()))
    remember(session, new, row.id)
    audit.note(
        session,
        "sweep.submit",
        name,
        project=new.project,
        document_hash=new.document_hash,
    )
    if document.backend is not None:
        signals.note_due(session, document.backend)
    news = [status_event(name, SweepStatus.SUBMITTING, None)]
    events.append(session, news, project=new.project)
    return sweep_of(row)


def _finished(session: Session, name: str) -> AnyRow:
    row = row_of(session, name, lock=True)
    require(session, Role.REGISTRAR, row.project)
    status = SweepStatus(row.status)
    if not status.finished:
        raise ConflictError(f"The sweep {name!r} is {status}; cancel it first.")
    return row


def row_of(session: Session, name: str, *, lock: bool = False) -> AnyRow:
    """The row of a sweep, held until the transaction ends if it is locked.

    Raises:
        NotFoundError: there is none of that name.
    """
    statement = only_seen(session, _NAMED_LOCKED if lock else NAMED, _C.project)
    row = session.execute(statement, {"name": name}).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no sweep named {name!r}.")
    return row
