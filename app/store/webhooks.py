"""Webhooks: to whom which events are sent."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, delete, func, insert, select, true, update
from sqlalchemy.orm import Session

from app.access.callers import Role
from app.access.permission import hold_somewhere
from app.store import audit
from app.store.database import Database
from app.store.paging import Order, Page, page_of
from app.store.rights import actor_of, require
from app.store.tables import EVENTS, WEBHOOKS
from app.store.values import AnyRow, Values
from app.sweep.errors import ConflictError, NotFoundError
from app.sweep.webhook import NewWebhook, Webhook

MAX_WEBHOOKS = 200
"""How many there are at most; every event is held against each of them."""
OLD_SECRET_TIME = timedelta(hours=24)
"""How long a secret goes on signing after another has taken its place."""
_C = WEBHOOKS.c
_ORDERS = {"id": Order(column=_C.id, tie=_C.id, kind=int)}
_NEWEST = select(func.coalesce(func.max(EVENTS.c.id), 0)).scalar_subquery()


def add(db: Database, new: NewWebhook) -> Webhook:
    """Write a subscription down; it gets the events that follow.

    Raises:
        ForbiddenError: the caller is no operator of its project.
        ConflictError: there are too many.
    """
    with db.write() as session:
        require(session, Role.OPERATOR, new.project)
        if session.execute(select(func.count()).select_from(WEBHOOKS)).scalar_one() >= MAX_WEBHOOKS:
            raise ConflictError(f"There are {MAX_WEBHOOKS} webhooks, the most; delete one first.")
        row = session.execute(
            insert(WEBHOOKS)
            .values(
                url=new.url,
                secret=new.secret,
                event_types=None if new.event_types is None else list(new.event_types),
                sweep=new.sweep,
                project=new.project,
                created_by=actor_of(session).caller.name,
                description=new.description,
                active=True,
                position=_NEWEST,
                created_at=datetime.now(UTC),
                token=0,
            )
            .returning(*_C)
        ).one()
        note(session, "webhook.create", row)
    return webhook_of(row)


def get(db: Database, webhook_id: int) -> Webhook:
    """One webhook.

    Raises:
        NotFoundError: there is none of that number.
    """
    with db.read() as session:
        return webhook_of(webhook_row(session, webhook_id))


def page(db: Database, *, limit: int, cursor: str | None = None) -> Page[Webhook]:
    """The webhooks, the oldest first."""
    with db.read() as session:
        return page_of(
            session,
            select(WEBHOOKS).where(_operated(session)),
            _ORDERS,
            webhook_of,
            sort="id",
            limit=limit,
            cursor=cursor,
        )


def change(db: Database, webhook_id: int, changes: Mapping[str, object]) -> Webhook:
    """Change columns; one that becomes active gets the events from then on.

    Args:
        db: the database.
        webhook_id: which one.
        changes: new values of url, event_types, description or active.

    Raises:
        NotFoundError: there is none of that number.
    """
    with db.write() as session:
        row = webhook_row(session, webhook_id, lock=True)
        values: Values = dict(changes)
        if "url" in changes or changes.get("active"):
            values["held_until"] = None
        if "active" in changes:
            values["disabled_reason"] = None
        if changes.get("active") and not row.active:
            values["position"] = _NEWEST
        if values:
            session.execute(update(WEBHOOKS).where(_C.id == row.id).values(**values))
            note(session, "webhook.change", row, changed=sorted(changes))
        return webhook_of(webhook_row(session, webhook_id))


def rotate(db: Database, webhook_id: int, secret: str) -> Webhook:
    """Sign with another secret from now on, and with the one before for a while, too.

    Raises:
        NotFoundError: there is none of that number.
    """
    with db.write() as session:
        row = webhook_row(session, webhook_id, lock=True)
        values: Values = {
            "secret": secret,
            "old_secret": row.secret,
            "old_secret_until": datetime.now(UTC) + OLD_SECRET_TIME,
        }
        session.execute(update(WEBHOOKS).where(_C.id == row.id).values(**values))
        note(session, "webhook.rotate-secret", row)
        return webhook_of(webhook_row(session, webhook_id))


def remove(db: Database, webhook_id: int) -> None:
    """Remove a webhook and its deliveries.

    Raises:
        NotFoundError: there is none of that number.
    """
    with db.write() as session:
        row = webhook_row(session, webhook_id, lock=True)
        session.execute(delete(WEBHOOKS).where(_C.id == row.id))
        note(session, "webhook.delete", row)


def webhook_row(session: Session, webhook_id: int, *, lock: bool = False) -> AnyRow:
    """The row of a webhook, held until the transaction ends if it is locked.

    Webhooks are for operators: their log shows what receivers answered.

    Raises:
        NotFoundError: there is none of that number in a project of an operator.
    """
    statement = select(WEBHOOKS).where(_C.id == webhook_id, _operated(session))
    row = session.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no webhook {webhook_id}.")
    return row


def webhook_of(row: AnyRow) -> Webhook:
    """A row of webhooks; a secret whose time is over is left out."""
    until = row.old_secret_until
    return Webhook(
        id=row.id,
        url=row.url,
        secret=row.secret,
        old_secret=row.old_secret if until and until > datetime.now(UTC) else None,
        event_types=row.event_types,
        sweep=row.sweep,
        project=row.project,
        created_by=row.created_by,
        description=row.description,
        active=row.active,
        disabled_reason=row.disabled_reason,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
    )


def _operated(session: Session) -> ColumnElement[bool]:
    """True of the webhooks of projects whose operator the caller is."""
    caller = actor_of(session).caller
    hold_somewhere(caller, Role.OPERATOR)
    if caller.may(Role.OPERATOR, None):
        return true()
    return _C.project.in_(caller.projects_as(Role.OPERATOR))


def note(session: Session, action: audit.Action, row: AnyRow, **details: object) -> None:
    """Write down in the audit log what was done to a webhook."""
    # Of the address no more than the host: the rest often is a secret.
    facts = {"receiver": urlsplit(row.url).hostname, **details}
    audit.note(session, action, str(row.id), project=row.project, details=facts)
