"""The log of deliveries: what was sent to whom, what came of it, what waits."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.store.database import Database
from app.store.paging import Order, Page, page_of
from app.store.tables import WEBHOOK_DELIVERIES, WEBHOOKS
from app.store.values import AnyRow, Values
from app.store.webhooks import note, webhook_row
from app.sweep.errors import ConflictError, NotFoundError
from app.sweep.webhook import TEST_TYPE, Delivery, DeliveryStatus

KEPT = 1000
"""How many finished deliveries of a webhook are kept."""
KEPT_TIME = timedelta(days=30)
"""How long a delivery is kept, whatever became of it."""
_C = WEBHOOK_DELIVERIES.c
_ORDERS = {
    "-id": Order(column=_C.id, tie=_C.id, kind=int, descending=True, tie_descending=True),
}


def page(
    db: Database,
    webhook_id: int,
    *,
    status: DeliveryStatus | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Delivery]:
    """A webhook's deliveries, the newest first.

    Raises:
        NotFoundError: there is no such webhook.
    """
    statement = select(WEBHOOK_DELIVERIES).where(_C.webhook_id == webhook_id)
    if status is not None:
        statement = statement.where(_C.status == status)
    with db.read() as session:
        webhook_row(session, webhook_id)
        return page_of(
            session, statement, _ORDERS, delivery_of, sort="-id", limit=limit, cursor=cursor
        )


def get(db: Database, webhook_id: int, delivery_id: int) -> Delivery:
    """One delivery.

    Raises:
        NotFoundError: there is no such webhook or delivery.
    """
    with db.read() as session:
        webhook_row(session, webhook_id)
        return delivery_of(_row(session, webhook_id, delivery_id))


def add_test(db: Database, webhook_id: int) -> Delivery:
    """Queue a message that tells of no event.

    Raises:
        NotFoundError: there is no such webhook.
        ConflictError: it is not active.
    """
    with db.write() as session:
        webhook = _active(session, webhook_id)
        row = session.execute(
            insert(WEBHOOK_DELIVERIES)
            .values(new_delivery(webhook_id, TEST_TYPE, None))
            .returning(*_C)
        ).one()
        note(session, "webhook.test", webhook)
    return delivery_of(row)


def retry(db: Database, webhook_id: int, delivery_id: int) -> Delivery:
    """Have a delivery sent as soon as possible, whatever became of it before.

    Raises:
        NotFoundError: there is no such webhook or delivery.
        ConflictError: the webhook is not active.
    """
    with db.write() as session:
        webhook = _active(session, webhook_id)
        row = _row(session, webhook_id, delivery_id)
        session.execute(
            update(WEBHOOK_DELIVERIES)
            .where(_C.id == row.id)
            .values(status=DeliveryStatus.PENDING, due_at=0.0, finished_at=None)
        )
        note(session, "webhook.retry", webhook, delivery=delivery_id)
        return delivery_of(_row(session, webhook_id, delivery_id))


def prune(db: Database, *, kept: int = KEPT) -> None:
    """Remove what is older than `KEPT_TIME`, and finished deliveries beyond the newest `kept`."""
    finished = _C.status != DeliveryStatus.PENDING
    with db.write() as session:
        old = datetime.now(UTC) - KEPT_TIME
        session.execute(delete(WEBHOOK_DELIVERIES).where(_C.created_at < old))
        for webhook_id in session.scalars(select(WEBHOOKS.c.id)).all():
            of_one = (_C.webhook_id == webhook_id) & finished
            newest = select(_C.id).where(of_one).order_by(_C.id.desc())
            last = session.execute(newest.offset(kept).limit(1)).scalar_one_or_none()
            if last is not None:
                session.execute(delete(WEBHOOK_DELIVERIES).where(of_one, _C.id <= last))


def new_delivery(webhook_id: int, kind: str, event_id: int | None) -> Values:
    """The columns of a delivery that is due at once."""
    return {
        "webhook_id": webhook_id,
        "message_id": f"msg_{uuid4().hex}",
        "event_id": event_id,
        "type": kind,
        "status": DeliveryStatus.PENDING,
        "attempts": 0,
        "due_at": 0.0,
        "created_at": datetime.now(UTC),
    }


def delivery_of(row: AnyRow) -> Delivery:
    """A row of deliveries."""
    status = DeliveryStatus(row.status)
    due = datetime.fromtimestamp(row.due_at, UTC) if row.due_at else row.created_at
    return Delivery(
        id=row.id,
        webhook_id=row.webhook_id,
        message_id=row.message_id,
        event_id=row.event_id,
        type=row.type,
        status=status,
        attempts=row.attempts,
        next_attempt_at=due if status is DeliveryStatus.PENDING else None,
        last_attempt_at=row.last_attempt_at,
        response_status=row.response_status,
        response_body=row.response_body,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _row(session: Session, webhook_id: int, delivery_id: int) -> AnyRow:
    statement = select(WEBHOOK_DELIVERIES).where(_C.id == delivery_id, _C.webhook_id == webhook_id)
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError(
            f"The webhook {webhook_id} has no delivery {delivery_id}; finished ones are removed "
            f"after {KEPT_TIME.days} days, and all but the newest {KEPT} before."
        )
    return row


def _active(session: Session, webhook_id: int) -> AnyRow:
    row = webhook_row(session, webhook_id, lock=True)
    if not row.active:
        raise ConflictError(
            f"The webhook {webhook_id} is not active, so nothing is sent; activate it first: "
            f'PATCH /v1/webhooks/{webhook_id} with {{"active": true}}.'
        )
    return row
