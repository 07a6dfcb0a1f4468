"""The courier with real receivers over TLS: order, repetitions, doubles, ends."""

import subprocess
import sys
import threading
import time

from sqlalchemy import Engine, event

from app.store import deliveries, webhooks
from app.store.database import Database
from app.sweep.webhook import Delivery, DeliveryStatus, Webhook
from tests.receiver import Receivers, Reply
from tests.served import ROOT
from tests.webhooks.conftest import Start, log, subscribe, tell


def settled(db: Database, webhook: Webhook, *, within: float = 10.0) -> list[Delivery]:
    """The log once nothing waits."""
    deadline = time.monotonic() + within
    while True:
        found = log(db, webhook)
        if found and all(d.status is not DeliveryStatus.PENDING for d in found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_events_arrive_signed_and_in_order(db: Database, receive: Receivers, start: Start) -> None:
    """Each once, over few connections, soon after its commit."""
    receiver, courier = receive.make(), start()
    webhook = subscribe(db, receiver.url)
    courier.wake()
    names = [f"s{n}" for n in range(60)]
    begin = time.monotonic()
    tell(db, *names)
    messages = receiver.until(60)
    print(f"60 messages in {time.monotonic() - begin:.2f} s")
    assert messages[0].at - begin < 3.0
    told = [message.signed_by(webhook.secret)["data"] for message in messages]
    assert [(event["sweep"], event["id"]) for event in told] == list(
        zip(names, range(1, 61), strict=True)
    )
    assert messages[0].headers["host"] == f"localhost:{receiver.port}"
    assert messages[0].headers["content-type"] == "application/json"
    assert receiver.connections <= 3
    done = settled(db, webhook)
    assert [d.message_id for d in done] == [message.id for message in messages]
    assert {(d.status, d.attempts, d.response_status) for d in done} == {("delivered", 1, 204)}


def test_a_failed_attempt_is_repeated(db: Database, receive: Receivers, start: Start) -> None:
    """Under the same id with a new signature; what comes after does not wait for it."""
    receiver = receive.make()
    receiver.replies.extend([Reply(status=500, body=b"sorry" * 1000), Reply()])
    webhook = subscribe(db, receiver.url)
    start(schedule=[0.5])
    tell(db, "one", "two")
    messages = receiver.until(3)
    assert [m.signed_by(webhook.secret)["data"]["sweep"] for m in messages] == ["one", "two", "one"]
    assert messages[0].id == messages[2].id != messages[1].id
    assert messages[0].body == messages[2].body
    assert messages[2].at - messages[0].at >= 0.5
    first = settled(db, webhook)[0]
    assert (first.attempts, first.status, first.error) == (2, "delivered", None)


def test_what_a_receiver_says_is_kept_in_part(
    db: Database, receive: Receivers, start: Start
) -> None:
    """A kilobyte of it; the reason in words."""
    receiver = receive.make()
    receiver.replies.append(Reply(status=500, body=b"\xff\0" + b"sorry" * 1000))
    webhook = subscribe(db, receiver.url)
    start(schedule=[1000])
    tell(db, "one")
    receiver.until(1)
    deadline = time.monotonic() + 5
    while not (found := log(db, webhook)[0]).attempts:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (found.status, found.response_status, found.error) == ("pending", 500, "answered 500")
    assert found.response_body is not None
    assert len(found.response_body) == 1024
    assert found.response_body.startswith("\N{REPLACEMENT CHARACTER}" * 2 + "sorry")
    assert found.next_attempt_at is not None


def test_attempts_end_and_a_deaf_receiver_is_given_up(
    db: Database, receive: Receivers, start: Start
) -> None:
    """With the reason; made active again, it gets a delivery once more on request."""
    receiver = receive.make()
    receiver.replies.extend([Reply(status=500)] * 3)
    webhook = subscribe(db, receiver.url)
    courier = start()
    tell(db, "one")
    (failed,) = settled(db, webhook)
    assert (failed.status, failed.attempts) == ("failed", 3)
    found = webhooks.get(db, webhook.id)
    assert not found.active
    assert found.disabled_reason is not None
    assert "nothing was delivered" in found.disabled_reason
    webhooks.change(db, webhook.id, {"active": True})
    deliveries.retry(db, webhook.id, failed.id)
    courier.wake()
    messages = receiver.until(4)
    assert {message.id for message in messages} == {failed.message_id}
    assert settled(db, webhook)[0].status == "delivered"


def test_410_disables(db: Database, receive: Receivers, start: Start) -> None:
    """What waits is not sent."""
    receiver = receive.make()
    receiver.replies.append(Reply(status=410))
    webhook = subscribe(db, receiver.url)
    start()
    tell(db, "one", "two")
    receiver.until(1)
    deadline = time.monotonic() + 5
    while webhooks.get(db, webhook.id).active:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert webhooks.get(db, webhook.id).disabled_reason == "the receiver answered 410 Gone"
    time.sleep(0.3)
    assert [d.status for d in log(db, webhook)] == ["failed", "pending"]
    assert len(receiver.messages) == 1


def test_a_pause_that_is_asked_for_is_kept(db: Database, receive: Receivers, start: Start) -> None:
    """By all messages to that receiver."""
    receiver = receive.make()
    receiver.replies.append(Reply(status=429, headers={"Retry-After": "1"}))
    subscribe(db, receiver.url)
    start()
    tell(db, "one", "two")
    messages = receiver.until(3)
    assert messages[1].at - messages[0].at >= 1.0


def test_a_slow_receiver_holds_up_no_other(db: Database, receive: Receivers, start: Start) -> None:
    """Nor does one that sends its answer byte by byte; each attempt has its end."""
    slow, dripping, quick = (receive.make() for _ in range(3))
    slow.replies.append(Reply(wait=20))
    dripping.replies.append(Reply(drip=0.3))
    hooks = [subscribe(db, receiver.url) for receiver in (slow, dripping, quick)]
    start(patience=3.0, schedule=[])
    begin = time.monotonic()
    tell(db, "one")
    quick.until(1)
    assert time.monotonic() - begin < 3.0
    for webhook in hooks[:2]:
        (found,) = settled(db, webhook)
        assert (found.status, found.error) == ("failed", "no answer within 3 s")
    assert time.monotonic() - begin < 10


def test_a_body_without_end_is_not_waited_for(
    db: Database, receive: Receivers, start: Start
) -> None:
    """The status counts."""
    receiver = receive.make()
    receiver.replies.append(Reply(status=200, headers={"Content-Length": "1000"}, body=b"x"))
    webhook = subscribe(db, receiver.url)
    start(patience=30, lease=40)
    tell(db, "one")
    (found,) = settled(db, webhook)
    assert (found.status, found.response_body) == ("delivered", "x")


def test_a_new_secret_and_the_old_one_sign_both(
    db: Database, receive: Receivers, start: Start
) -> None:
    """So that a receiver can change it at leisure."""
    receiver = receive.make()
    webhook = subscribe(db, receiver.url)
    rotated = webhooks.rotate(db, webhook.id, "whsec_" + "A" * 44)
    start()
    tell(db, "one")
    (message,) = receiver.until(1)
    assert message.signed_by(webhook.secret) == message.signed_by(rotated.secret)


def test_a_receiver_that_hangs_does_not_keep_the_courier(
    db: Database, receive: Receivers, start: Start
) -> None:
    """It ends within seconds; the next one sends the same message again at once."""
    receiver = receive.make()
    receiver.replies.append(Reply(wait=30))
    subscribe(db, receiver.url)
    courier = start(patience=60, lease=70)
    tell(db, "one")
    receiver.until(1)
    begin = time.monotonic()
    courier.stop()
    assert time.monotonic() - begin < 5
    assert not [t for t in threading.enumerate() if t.name.startswith(("webhook-", "courier"))]
    start()
    messages = receiver.until(2)
    assert messages[0].id == messages[1].id


def test_a_killed_courier_loses_nothing(
    url: str, db: Database, receive: Receivers, start: Start
) -> None:
    """The next one sends what was under way again, and the rest."""
    receiver = receive.make()
    receiver.replies.extend([Reply(), Reply(), Reply(wait=3)])
    webhook = subscribe(db, receiver.url)
    tell(db, *(f"s{n}" for n in range(6)))
    code = f"""
import time
from app.store.database import Database
from app.webhooks.courier import Courier
from app.webhooks.receivers import Receivers
Courier(Database({url!r}), Receivers(["127.0.0.0/8"]), lease=1.0).start()
time.sleep(60)
"""
    doomed = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        receiver.until(3)
    finally:
        doomed.kill()
        doomed.wait(timeout=10)
    start(lease=1.0)
    messages = receiver.until(7)
    sweeps = [message.signed_by(webhook.secret)["data"]["sweep"] for message in messages]
    assert sweeps == ["s0", "s1", "s2", "s2", "s3", "s4", "s5"]
    assert messages[2].id == messages[3].id
    assert len({message.id for message in messages}) == 6
    assert {d.status for d in settled(db, webhook)} == {"delivered"}


def test_a_webhook_may_go_while_it_is_sent_to(
    db: Database, receive: Receivers, start: Start
) -> None:
    """Others go on."""
    receiver, other = receive.make(), receive.make()
    receiver.replies.append(Reply(wait=0.5))
    webhook = subscribe(db, receiver.url)
    courier = start()
    tell(db, "one", "two")
    receiver.until(1)
    webhooks.remove(db, webhook.id)
    kept = subscribe(db, other.url)
    tell(db, "three")
    courier.wake()
    other.until(1)
    assert settled(db, kept)[0].status == "delivered"
    assert len(receiver.messages) == 1


def test_a_courier_without_webhooks_leaves_the_database_alone(db: Database, start: Start) -> None:
    """One cheap look, however many events there are."""
    seen: list[str] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread().name == "courier" and statement != "BEGIN":
            seen.append(statement)

    try:
        start()
        for number in range(20):
            tell(db, f"s{number}")
            time.sleep(0.02)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert 1 <= len(seen) <= 3
    assert seen[0].startswith("SELECT min(webhooks.position)")
