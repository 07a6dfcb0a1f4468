"""Webhooks and the log of what was sent to them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.store import deliveries, events, sweeps, webhook_queue, webhooks
from app.store.database import Database
from app.store.tables import WEBHOOK_DELIVERIES, WEBHOOKS
from app.sweep.errors import ConflictError, NotFoundError
from app.sweep.webhook import DeliveryStatus, Outcome
from tests.contract.store.receivers import DELIVERED, LEASE, claimed, due, queued, subscribe
from tests.contract.store.samples import new


def test_a_disabled_webhook_keeps_what_waits(db: Database) -> None:
    """It says why; made active again it goes on, with the events from then on."""
    webhook = subscribe(db)
    gone, waits = (deliveries.add_test(db, webhook.id) for _ in range(2))
    claim = claimed(db)
    failed = Outcome(status=DeliveryStatus.FAILED, response_status=410, disable="410 Gone")
    webhook_queue.record(db, claim, gone.id, failed)
    assert webhook_queue.next_due(db, claim, lease=LEASE) is None
    webhook_queue.release(db, claim)
    assert webhooks.get(db, webhook.id).disabled_reason == "410 Gone"
    sweeps.add(db, new("meanwhile"))
    with pytest.raises(ConflictError, match='"active": true'):
        deliveries.add_test(db, webhook.id)
    with pytest.raises(ConflictError, match='"active": true'):
        deliveries.retry(db, webhook.id, gone.id)
    again = webhooks.change(db, webhook.id, {"active": True})
    assert (again.active, again.disabled_reason) == (True, None)
    sweeps.add(db, new("after"))
    webhook_queue.queue_events(db)
    assert queued(db, webhook)[2:] == [("sweep.status", events.newest(db))]
    assert due(db, claimed(db)).delivery.id == waits.id


def test_a_removed_webhook_takes_its_deliveries_along(db: Database) -> None:
    """Whoever is sending to it learns so."""
    webhook = subscribe(db)
    made = deliveries.add_test(db, webhook.id)
    claim = claimed(db)
    webhooks.remove(db, webhook.id)
    assert not webhook_queue.record(db, claim, made.id, DELIVERED)
    webhook_queue.release(db, claim)
    for missing in (
        lambda: webhooks.get(db, webhook.id),
        lambda: webhooks.remove(db, webhook.id),
        lambda: deliveries.page(db, webhook.id, limit=5),
        lambda: deliveries.get(db, webhook.id, made.id),
        lambda: deliveries.get(db, subscribe(db).id, made.id),
    ):
        with pytest.raises(NotFoundError):
            missing()


def test_a_new_secret_leaves_the_old_one_for_a_day(db: Database) -> None:
    """Only the last one."""
    webhook = subscribe(db, secret="whsec_a")  # noqa: S106 - of this test
    assert webhook.old_secret is None
    webhooks.rotate(db, webhook.id, "whsec_b")
    rotated = webhooks.rotate(db, webhook.id, "whsec_c")
    assert (rotated.secret, rotated.old_secret) == ("whsec_c", "whsec_b")
    assert "whsec" not in repr(rotated)
    past = datetime.now(UTC) - timedelta(seconds=1)
    with db.write() as session:
        session.execute(update(WEBHOOKS).values(old_secret_until=past))
    assert webhooks.get(db, webhook.id).old_secret is None


def test_the_log_is_kept_bounded(db: Database) -> None:
    """Finished ones beyond a number go, the oldest first, and all that are too old."""
    webhook, other = subscribe(db), subscribe(db)
    made = [deliveries.add_test(db, webhook.id).id for _ in range(6)]
    kept = deliveries.add_test(db, other.id).id
    finished = WEBHOOK_DELIVERIES.c.id.in_([*made[1:], kept])
    with db.write() as session:
        session.execute(update(WEBHOOK_DELIVERIES).where(finished).values(status="failed"))
    deliveries.prune(db, kept=3)
    found = deliveries.page(db, webhook.id, limit=9).items
    assert [delivery.id for delivery in found] == [*reversed(made[3:]), made[0]]
    assert deliveries.get(db, other.id, kept).id == kept
    old = datetime.now(UTC) - timedelta(days=31)
    with db.write() as session:
        session.execute(update(WEBHOOK_DELIVERIES).values(created_at=old))
    deliveries.prune(db, kept=3)
    assert queued(db, webhook) == queued(db, other) == []


def test_lists_are_paged(db: Database) -> None:
    """Webhooks from the oldest on, deliveries from the newest on, by status; not without end."""
    hooks = [subscribe(db, description=f"{n}") for n in range(3)]
    first = webhooks.page(db, limit=2)
    rest = webhooks.page(db, limit=2, cursor=first.next_cursor)
    assert [*first.items, *rest.items] == hooks
    made = [deliveries.add_test(db, hooks[0].id).id for _ in range(3)]
    claim = claimed(db)
    webhook_queue.record(db, claim, made[0], DELIVERED)
    page = deliveries.page(db, hooks[0].id, limit=1)
    assert [d.id for d in page.items] == [made[2]]
    rest_of = deliveries.page(db, hooks[0].id, limit=5, cursor=page.next_cursor)
    assert [d.id for d in rest_of.items] == [made[1], made[0]]
    delivered = deliveries.page(db, hooks[0].id, status=DeliveryStatus.DELIVERED, limit=5)
    assert [d.id for d in delivered.items] == [made[0]]
    assert webhooks.get(db, hooks[0].id).delivered_at is not None


def test_there_are_not_any_number_of_webhooks(db: Database) -> None:
    """Whoever wants one more has to delete one."""
    hooks = [subscribe(db) for _ in range(webhooks.MAX_WEBHOOKS)]
    with pytest.raises(ConflictError, match="delete one"):
        subscribe(db)
    webhooks.remove(db, hooks[7].id)
    subscribe(db)
