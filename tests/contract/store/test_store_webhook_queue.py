"""The queue of webhooks: each event once for everybody who wants it, to one receiver one at a time."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from app.store import deliveries, events, sweeps, webhook_queue, webhooks
from app.store.database import Database
from app.store.tables import WEBHOOKS
from app.sweep.webhook import DeliveryStatus, Outcome
from tests.contract.store.receivers import DELIVERED, LEASE, claimed, due, queued, subscribe
from tests.contract.store.samples import new


def test_events_are_queued_for_those_who_want_them(db: Database) -> None:
    """By type and by sweep, from the subscription on, each once."""
    sweeps.add(db, new("before"))
    everything, others = subscribe(db), subscribe(db, event_types=["model.registered"])
    one = subscribe(db, sweep="one", event_types=["sweep.status", "sweep.purged"])
    sweeps.add(db, new("one"))
    sweeps.add(db, new("two"))
    assert webhook_queue.look(db, lease=LEASE) == webhook_queue.Look(behind=True, due_in=None)
    assert not webhook_queue.queue_events(db)
    assert not webhook_queue.queue_events(db)
    last = events.newest(db)
    assert queued(db, everything) == [("sweep.status", last - 1), ("sweep.status", last)]
    assert queued(db, others) == []
    assert queued(db, one) == [("sweep.status", last - 1)]
    look = webhook_queue.look(db, lease=LEASE)
    assert look is not None
    assert not look.behind
    assert look.due_in is not None
    assert look.due_in <= 0


def test_nothing_is_done_without_webhooks(db: Database) -> None:
    """Nor for one that is not active."""
    assert webhook_queue.look(db, lease=LEASE) is None
    webhook = subscribe(db)
    webhooks.change(db, webhook.id, {"active": False})
    sweeps.add(db, new("one"))
    assert webhook_queue.look(db, lease=LEASE) is None
    assert not webhook_queue.queue_events(db)


def test_services_that_queue_at_once_queue_each_event_once(db: Database) -> None:
    """Six threads at once, while events arrive."""
    webhook = subscribe(db)

    def work(number: int) -> None:
        sweeps.add(db, new(f"s{number}"))
        webhook_queue.queue_events(db)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(30)))
    webhook_queue.queue_events(db)
    told = [event.id for event in events.page(db, limit=200)]
    assert [event for _, event in queued(db, webhook)] == told
    assert len({d.message_id for d in deliveries.page(db, webhook.id, limit=200).items}) == 30


def test_many_events_are_queued_in_several_steps(db: Database) -> None:
    """It is told that there are more."""
    webhook = subscribe(db)
    with db.write() as session:
        told = [events.NewEvent("sweep.details", f"s{n}", {}) for n in range(501)]
        events.append(session, told, project=None)
    assert webhook_queue.queue_events(db)
    assert not webhook_queue.queue_events(db)
    claim = claimed(db)
    assert due(db, claim).delivery.event_id == 1
    page = deliveries.page(db, webhook.id, limit=1)
    assert page.items[0].event_id == 501


def test_a_receiver_is_served_by_one(db: Database) -> None:
    """Nobody else gets it while the lease lasts; a lapsed one fences its holder off."""
    webhook = subscribe(db)
    deliveries.add_test(db, webhook.id)
    old = claimed(db, lease=0.05)
    assert webhook_queue.claim_due(db, "other", limit=5, lease=LEASE) == []
    time.sleep(0.1)
    fresh = claimed(db)
    assert fresh.token > old.token
    assert webhook_queue.next_due(db, old, lease=LEASE) is None
    delivery = due(db, fresh).delivery
    assert not webhook_queue.record(db, old, delivery.id, DELIVERED)
    webhook_queue.release(db, old)
    assert webhook_queue.claim_due(db, "other", limit=5, lease=LEASE) == []
    assert webhook_queue.record(db, fresh, delivery.id, DELIVERED)
    webhook_queue.release(db, fresh)
    assert deliveries.get(db, webhook.id, delivery.id).status == "delivered"


def test_concurrent_claimers_never_share(db: Database) -> None:
    """Six threads claim 20 webhooks: each goes to exactly one."""
    for _ in range(20):
        deliveries.add_test(db, subscribe(db).id)

    def take(owner: int) -> list[int]:
        taken: list[int] = []
        while claims := webhook_queue.claim_due(db, str(owner), limit=3, lease=LEASE):
            taken += [claim.webhook_id for claim in claims]
        return taken

    with ThreadPoolExecutor(6) as pool:
        found = [number for taken in pool.map(take, range(6)) for number in taken]
    assert sorted(found) == list(range(1, 21))


def test_those_that_waited_longest_come_first(db: Database) -> None:
    """A receiver that always has something waiting does not keep others out."""
    for _ in range(2):
        deliveries.add_test(db, subscribe(db).id)
    order = []
    for _ in range(4):
        (claim,) = webhook_queue.claim_due(db, "test", limit=1, lease=LEASE)
        order.append(claim.webhook_id)
        webhook_queue.release(db, claim)
    assert order == [1, 2, 1, 2]


def test_a_repetition_comes_in_its_time_and_after_what_is_new(db: Database) -> None:
    """The same message then; meanwhile the others are sent, in the order of events."""
    subscribe(db)
    for name in ("one", "two", "three"):
        sweeps.add(db, new(name))
    webhook_queue.queue_events(db)
    claim = claimed(db)
    first = due(db, claim)
    assert first.event is not None
    assert (first.event.sweep, first.event.type) == ("one", "sweep.status")
    again = Outcome(
        status=DeliveryStatus.PENDING, response_status=500, response_body="no\0", again=0.01
    )
    assert webhook_queue.record(db, claim, first.delivery.id, again)
    time.sleep(0.05)
    seen = []
    for _ in range(3):
        found = due(db, claim)
        assert found.event is not None
        seen.append((found.event.sweep, found.delivery.attempts))
        assert webhook_queue.record(db, claim, found.delivery.id, DELIVERED)
    assert seen == [("two", 0), ("three", 0), ("one", 1)]
    assert webhook_queue.next_due(db, claim, lease=LEASE) is None
    done = deliveries.get(db, first.webhook.id, first.delivery.id)
    assert (done.attempts, done.status, done.message_id) == (
        2,
        "delivered",
        first.delivery.message_id,
    )
    assert done.next_attempt_at is None
    assert done.finished_at is not None


def test_what_is_due_later_waits(db: Database) -> None:
    """And somebody may ask for it at once."""
    webhook = subscribe(db)
    made = deliveries.add_test(db, webhook.id)
    claim = claimed(db)
    later = Outcome(status=DeliveryStatus.PENDING, error="no answer", again=1000)
    webhook_queue.record(db, claim, made.id, later)
    webhook_queue.release(db, claim)
    look = webhook_queue.look(db, lease=LEASE)
    assert look is not None
    assert look.due_in is not None
    assert 900 < look.due_in <= 1000
    assert webhook_queue.claim_due(db, "test", limit=5, lease=LEASE) == []
    waiting = deliveries.get(db, webhook.id, made.id)
    assert (waiting.error, waiting.attempts) == ("no answer", 1)
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at > datetime.now(UTC) + timedelta(seconds=900)
    assert deliveries.retry(db, webhook.id, made.id).message_id == made.message_id
    assert due(db, claimed(db)).delivery.id == made.id


def test_a_receiver_that_asks_for_a_pause_gets_it(db: Database) -> None:
    """Nothing is sent to it, nothing is hurried by other events; a new address ends it."""
    webhook = subscribe(db)
    made = deliveries.add_test(db, webhook.id)
    claim = claimed(db)
    hold = Outcome(status=DeliveryStatus.PENDING, response_status=429, again=0.0, hold=500)
    webhook_queue.record(db, claim, made.id, hold)
    webhook_queue.release(db, claim)
    look = webhook_queue.look(db, lease=LEASE)
    assert look is not None
    assert look.due_in is not None
    assert 400 < look.due_in <= 500
    assert webhook_queue.claim_due(db, "test", limit=5, lease=LEASE) == []
    webhooks.change(db, webhook.id, {"url": "https://other.example"})
    assert due(db, claimed(db)).webhook.url == "https://other.example"


def test_times_from_before_the_clock_was_set_back_hold_up_nothing(db: Database) -> None:
    """A lease and a pause that are longer than any can be."""
    webhook = subscribe(db)
    deliveries.add_test(db, webhook.id)
    claimed(db)
    far = time.time() + 2 * webhook_queue.LONGEST_HOLD
    with db.write() as session:
        session.execute(update(WEBHOOKS).values(lease_until=far, held_until=far))
    look = webhook_queue.look(db, lease=LEASE)
    assert look is not None
    assert look.due_in is not None
    assert look.due_in <= 0
    claimed(db)
