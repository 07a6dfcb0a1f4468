"""The queue of deliveries: events become deliveries, and a receiver is served by one at a time.

Times are the database's own. A claim is of a webhook, not of a delivery, so that only one message
is under way to a receiver, whichever service sends it. What is claimed by a service that was
killed is due again when the lease has run out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    case,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from app.store.clocks import clock, unheld
from app.store.database import Database
from app.store.deliveries import delivery_of, new_delivery
from app.store.tables import EVENTS, WEBHOOK_DELIVERIES, WEBHOOKS
from app.store.values import AnyRow, Values
from app.store.webhooks import webhook_of
from app.sweep.record import Event
from app.sweep.webhook import DeliveryStatus, Due, Outcome, WebhookClaim

LONGEST_HOLD = 86_400.0
"""Seconds in which nothing is sent to a receiver at most."""
_EVENTS_AT_ONCE = 500
_W = WEBHOOKS.c
_D = WEBHOOK_DELIVERIES.c
_E = EVENTS.c


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to do.

    Attributes:
        behind: there are events that have not been queued.
        due_in: seconds until something can be sent; None: nothing waits.
    """

    behind: bool
    due_in: float | None


def look(db: Database, *, lease: float) -> Look | None:
    """What there is to do for the active webhooks; None while there are none.

    What somebody else is sending to is left out; `lease` is how many seconds that lasts at most.
    """
    first = select(func.min(_D.due_at)).where(_D.webhook_id == _W.id, _pending())
    with db.read() as session:
        position = session.execute(select(func.min(_W.position)).where(_W.active)).scalar_one()
        if position is None:
            return None
        newest = session.execute(select(func.max(_E.id))).scalar_one() or 0
        now = session.execute(select(clock())).scalar_one()
        ready = session.execute(
            select(
                first.scalar_subquery().label("due_at"),
                case((_held(), _W.held_until), else_=0.0).label("held_until"),
            ).where(_W.active, unheld(_W.lease_until, lease))
        ).all()
    waits = [max(row.due_at, row.held_until) - now for row in ready if row.due_at is not None]
    return Look(behind=position < newest, due_in=min(waits, default=None))


def queue_events(db: Database) -> bool:
    """Queue events, oldest first, for every active webhook that wants them.

    Returns:
        True when there may be more of them.
    """
    with db.write() as session:
        hooks = session.execute(
            select(_W.id, _W.position, _W.event_types, _W.sweep, _W.project)
            .where(_W.active)
            .order_by(_W.id)
            .with_for_update()
        ).all()
        after = min((hook.position for hook in hooks), default=0)
        told = session.execute(
            select(_E.id, _E.type, _E.sweep, _E.project)
            .where(_E.id > after)
            .order_by(_E.id)
            .limit(_EVENTS_AT_ONCE if hooks else 0)
        ).all()
        if not told:
            return False
        rows = [
            new_delivery(hook.id, event.type, event.id)
            for event in told
            for hook in hooks
            if _wants(hook, event)
        ]
        if rows:
            session.execute(insert(WEBHOOK_DELIVERIES), rows)
        last = told[-1].id
        session.execute(
            update(WEBHOOKS)
            .where(_W.id.in_([hook.id for hook in hooks if hook.position < last]))
            .values(position=last)
        )
    return len(told) == _EVENTS_AT_ONCE


def claim_due(
    db: Database, owner: str, *, limit: int, lease: float, but: Collection[int] = ()
) -> list[WebhookClaim]:
    """Claim webhooks to which something is to be sent now, those first that waited longest.

    Args:
        db: the database.
        owner: who claims, for people who look at the table.
        limit: how many at most.
        lease: seconds until somebody else may claim them.
        but: those that are not claimed.
    """
    due = exists().where(_D.webhook_id == _W.id, _pending(), _D.due_at <= clock())
    with db.write() as session:
        ids = session.scalars(
            select(_W.id)
            .where(_W.active, unheld(_W.lease_until, lease), ~_held(), due, _W.id.not_in(but))
            .order_by(_W.attended_at.asc().nulls_first(), _W.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        rows = session.execute(
            update(WEBHOOKS)
            .where(_W.id.in_(ids))
            .values(
                token=_W.token + 1,
                lease_owner=owner,
                lease_until=clock() + lease,
                attended_at=datetime.now(UTC),
            )
            .returning(_W.id, _W.token)
        ).all()
    return [WebhookClaim(webhook_id=row.id, token=row.token) for row in rows]


def next_due(db: Database, claim: WebhookClaim, *, lease: float) -> Due | None:
    """What is to be sent now; the lease lasts so many seconds from now on.

    Returns:
        None when nothing is due, or when the claim is no longer valid or the webhook not active.
    """
    with db.write() as session:
        hook = session.execute(
            update(WEBHOOKS)
            .where(*_holds(claim), _W.active)
            .values(lease_until=clock() + lease)
            .returning(*_W)
        ).one_or_none()
        if hook is None:
            return None
        row = session.execute(
            select(WEBHOOK_DELIVERIES)
            .where(_D.webhook_id == hook.id, _pending(), _D.due_at <= clock())
            .order_by(_D.due_at, _D.id)
            .limit(1)
        ).one_or_none()
        if row is None:
            return None
        return Due(
            webhook=webhook_of(hook), delivery=delivery_of(row), event=_event(session, row.event_id)
        )


def record(db: Database, claim: WebhookClaim, delivery_id: int, outcome: Outcome) -> bool:
    """Write down what came of an attempt; the lease goes on. False: the claim is not valid."""
    now = datetime.now(UTC)
    with db.write() as session:
        held = select(_W.id).where(*_holds(claim)).with_for_update()
        if session.execute(held).one_or_none() is None:
            return False
        waits = outcome.status is DeliveryStatus.PENDING
        session.execute(
            update(WEBHOOK_DELIVERIES)
            .where(_D.id == delivery_id)
            .values(
                status=outcome.status,
                attempts=_D.attempts + 1,
                due_at=clock() + outcome.again,
                last_attempt_at=now,
                response_status=outcome.response_status,
                response_body=outcome.response_body,
                error=outcome.error,
                finished_at=None if waits else now,
            )
        )
        values: Values = {}
        if outcome.status is DeliveryStatus.DELIVERED:
            values["delivered_at"] = now
        if outcome.hold:
            values["held_until"] = clock() + min(outcome.hold, LONGEST_HOLD)
        if outcome.disable:
            values |= {"active": False, "disabled_reason": outcome.disable}
        if values:
            session.execute(update(WEBHOOKS).where(_W.id == claim.webhook_id).values(**values))
    return True


def release(db: Database, claim: WebhookClaim) -> None:
    """Let others claim the webhook."""
    with db.write() as session:
        session.execute(
            update(WEBHOOKS).where(*_holds(claim)).values(lease_until=None, lease_owner=None)
        )


def _pending() -> ColumnElement[bool]:
    # Spelt out, as in the index: SQLite does not use it for a value that it is told later.
    return _D.status == literal_column(f"'{DeliveryStatus.PENDING}'")


def _held() -> ColumnElement[bool]:
    """To be left alone for a while; longer than that is from before the clock was set back."""
    until = func.coalesce(_W.held_until, 0.0)
    return (until > clock()) & (until <= clock() + LONGEST_HOLD)


def _holds(claim: WebhookClaim) -> tuple[ColumnElement[bool], ...]:
    return _W.id == claim.webhook_id, _W.token == claim.token, _W.lease_until.is_not(None)


def _wants(hook: AnyRow, event: AnyRow) -> bool:
    return (
        event.id > hook.position
        and (hook.event_types is None or event.type in hook.event_types)
        and (hook.sweep is None or event.sweep == hook.sweep)
        and (hook.project is None or event.project == hook.project)
    )


def _event(session: Session, event_id: int | None) -> Event | None:
    row = session.execute(select(EVENTS).where(_E.id == event_id)).one_or_none()
    if row is None:
        return None
    return Event(id=row.id, type=row.type, sweep=row.sweep, data=row.data, at=row.at)
