"""The audit log: who changed what, from where; entries are written with the change itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from app.access.audit import AuditEntry
from app.access.callers import Role
from app.access.permission import hold_somewhere
from app.store import last_words
from app.store.database import Database
from app.store.paging import Order, Page, page_of
from app.store.rights import actor_of, seen
from app.store.tables import AUDIT

_C = AUDIT.c
_INSERT = insert(AUDIT)
_ORDERS = {
    "id": Order(column=_C.id, tie=_C.id, kind=int),
    "-id": Order(column=_C.id, tie=_C.id, kind=int, descending=True, tie_descending=True),
}

Action = Literal[
    "sweep.submit",
    "sweep.cancel",
    "sweep.resume",
    "sweep.archive",
    "sweep.purge",
    "trial.cancel",
    "trial.retry",
    "model.register",
    "code.upload",
    "webhook.create",
    "webhook.change",
    "webhook.rotate-secret",
    "webhook.delete",
    "webhook.test",
    "webhook.retry",
    "embed-token.create",
    "session.begin",
]
"""What can be done."""


def note(
    session: Session,
    action: Action,
    target: str | None,
    *,
    project: str | None,
    document_hash: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write down, in the transaction of a change, that its actor made it.

    Args:
        session: of the change.
        action: what was done.
        target: the name of what it was done to, such as a sweep's.
        project: that the target belongs to.
        document_hash: of the document that came with it.
        details: plain JSON values; no secrets.
    """
    actor = actor_of(session)
    entry = {
        "at": datetime.now(UTC),
        "actor": actor.caller.name,
        "kind": actor.caller.kind,
        "source": actor.source,
        "request_id": actor.request_id,
        "action": action,
        "target": target,
        "project": project,
        "document_hash": document_hash,
        "details": dict(details or {}),
    }
    last_words.leave(session, _INSERT, entry)


def note_call(
    db: Database,
    action: Action,
    target: str | None,
    *,
    project: str | None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write down what changes nothing in the records themselves, before it is done."""
    with db.write() as session:
        note(session, action, target, project=project, details=details)


def page(
    db: Database,
    *,
    action: str | None = None,
    actor: str | None = None,
    target: str | None = None,
    after: int = 0,
    sort: str = "-id",
    limit: int,
    cursor: str | None = None,
) -> Page[AuditEntry]:
    """Entries about the projects of a registrar; `sort` is -id, the newest first, or id.

    `after` is the id of the entry after which they begin.

    Raises:
        ForbiddenError: the caller is registrar of no project.
        InvalidDocumentError: a sort key or cursor that is none.
    """
    statement = select(AUDIT).where(_C.id > after)
    for column, wanted in ((_C.action, action), (_C.actor, actor), (_C.target, target)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    with db.read() as session:
        caller = actor_of(session).caller
        hold_somewhere(caller, Role.REGISTRAR)
        if not caller.may(Role.REGISTRAR, None):
            own = caller.projects_as(Role.REGISTRAR)
            statement = statement.where(seen(session, _C.project), _C.project.in_(own))
        return page_of(session, statement, _ORDERS, _entry, sort=sort, limit=limit, cursor=cursor)


def _entry(row: "Row[*tuple[object, ...]]") -> AuditEntry:
    return AuditEntry(**row._mapping)  # noqa: SLF001 - the public way to a row's columns by name
