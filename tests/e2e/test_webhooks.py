"""Webhooks of a served service: from a subscription over a sweep's events to the log."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.receiver import Receiver, Receivers, Reply, receivers
from tests.served import ROOT, Json, Served, document, free_port, served

COMMAND = "python quadratic.py --x ${{search_space.x}}"
SPACE = {"x": {"type": "choice", "values": [0.1, 0.3]}}


@pytest.fixture(scope="module")
def receive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """Makes receivers whose certificates the service believes."""
    with receivers(tmp_path_factory.mktemp("receivers")) as maker:
        yield maker


@pytest.fixture(scope="module")
def sender(
    tmp_path_factory: pytest.TempPathFactory, scripts: Path, receive: Receivers
) -> Iterator[Served]:
    """A service that may send to loopback."""
    environment = {
        "SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS": "10.0.0.0/8, localhost",
        "SWEEPFRONT_WEBHOOK_ALLOW_HTTP": "true",
        "SSL_CERT_FILE": str(receive.ca),
    }
    data = tmp_path_factory.mktemp("sender") / "data"
    with served(data, code_root=scripts, environment=environment) as running:
        yield running


def subscribed(service: Served, receiver: Receiver, **more: object) -> Json:
    """A webhook, with its secret."""
    answer = service.client.post("/v1/webhooks", json={"url": receiver.url, **more})
    assert answer.status_code == 201, answer.text
    webhook: Json = answer.json()
    return webhook


def settled(service: Served, webhook: Json) -> list[Json]:
    """The webhook's log, the oldest first, once nothing waits."""
    path = f"/v1/webhooks/{webhook['id']}/deliveries?limit=200"
    deadline = time.monotonic() + 20
    while service.items(f"{path}&status=pending"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return list(reversed(service.items(path)))


def grid(name: str) -> Json:
    """A sweep of two quick trials."""
    return document(COMMAND, SPACE, code="job", sampling_algorithm="grid", name=name)


def test_a_sweep_is_told_to_whom_it_concerns(sender: Served, receive: Receivers) -> None:
    """Every event of the sweep in order, as /v1/events has it; to others what they asked for."""
    everything, ends = receive.make(), receive.make()
    one = subscribed(sender, everything, sweep="told")
    two = subscribed(sender, ends, event_types=["model.registered"])
    sender.submit(grid("told"))
    sender.submit(grid("other"))
    for name in ("told", "other"):
        assert sender.finished(name)["status"] == "completed"
    registered = sender.client.post("/v1/sweeps/other/register")
    assert registered.status_code == 201
    log = settled(sender, one)
    events = sender.get("/v1/sweeps/told/events?limit=200")["items"]
    messages = [message.signed_by(one["secret"]) for message in everything.messages]
    assert [message["data"] for message in messages] == events
    assert [message["type"] for message in messages] == [event["type"] for event in events]
    assert messages[0]["timestamp"] == events[0]["at"]
    assert [(d["event_id"], d["message_id"]) for d in log] == [
        (event["id"], message.id)
        for event, message in zip(events, everything.messages, strict=True)
    ]
    (told,) = [message.signed_by(two["secret"]) for message in ends.until(1)]
    assert told["data"]["data"]["model_name"] == "final_model"
    settled(sender, two)
    assert len(ends.messages) == 1


def test_a_test_call_and_a_repetition(sender: Served, receive: Receivers) -> None:
    """What came of it is at its Location; sent again it has the same id and a new signature."""
    receiver = receive.make()
    receiver.replies.append(Reply(status=400, body=b'{"why": "no"}'))
    webhook = subscribed(sender, receiver, sweep="none-such")
    called = sender.client.post(f"/v1/webhooks/{webhook['id']}/test")
    place = called.headers["Location"]
    (failed,) = settled(sender, webhook)
    assert failed == sender.get(place)
    assert (failed["status"], failed["response_status"]) == ("failed", 400)
    assert (failed["error"], failed["response_body"]) == ("answered 400", '{"why": "no"}')
    rotated = sender.client.post(f"/v1/webhooks/{webhook['id']}/rotate-secret").json()
    assert sender.client.post(f"{place}/retry").status_code == 202
    first, again = receiver.until(2)
    assert first.id == again.id == failed["message_id"]
    for secret in (webhook["secret"], rotated["secret"]):
        told = again.signed_by(secret)
        assert (told["type"], told["data"]["id"]) == ("webhook.test", None)
    assert settled(sender, webhook)[0]["status"] == "delivered"
    assert sender.get(f"/v1/webhooks/{webhook['id']}")["delivered_at"] is not None
    assert sender.client.delete(f"/v1/webhooks/{webhook['id']}").status_code == 204
    assert sender.client.get(place).status_code == 404
    log = sender.log()
    assert webhook["secret"] not in log
    assert "/hook" not in log


def test_the_receiver_of_the_documentation(sender: Served) -> None:
    """Its code verifies what it gets, and refuses what somebody else has signed."""
    text = (ROOT / "docs" / "webhooks.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    port = free_port()
    assert "9000" in code
    url = f"http://localhost:{port}/"
    webhook = sender.client.post("/v1/webhooks", json={"url": url, "sweep": "none-such"}).json()
    hook = subprocess.Popen(
        [sys.executable, "-c", code.replace("9000", str(port))],
        env={**os.environ, "SECRET": webhook["secret"], "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        path = f"/v1/webhooks/{webhook['id']}"
        sender.client.post(f"{path}/test")
        assert [delivery["status"] for delivery in settled(sender, webhook)] == ["delivered"]
        sender.client.post(f"{path}/rotate-secret")
        sender.client.post(f"{path}/rotate-secret")
        sender.client.post(f"{path}/test")
        assert settled(sender, webhook)[-1]["response_status"] == 401
    finally:
        hook.terminate()
        printed = hook.communicate(timeout=10)[0].decode()
    assert re.fullmatch(r"msg_\w+ webhook.test None\n", printed)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("the receiver does not listen")


@pytest.mark.slow
def test_what_the_settings_no_longer_allow_is_not_sent(sender: Served, receive: Receivers) -> None:
    """The service ends while a receiver hangs; started with less allowed, it refuses to send."""
    receiver = receive.make()
    receiver.replies.append(Reply(wait=60))
    webhook = subscribed(sender, receiver, sweep="none-such")
    sender.finished(sender.submit(grid("before"))["name"])
    sender.client.post(f"/v1/webhooks/{webhook['id']}/test")
    receiver.until(1)
    begin = time.monotonic()
    sender.stop()
    assert time.monotonic() - begin < 12, "an attempt may take 15 s"
    with served(sender.data) as strict:
        (refused,) = settled(strict, webhook)
        assert refused["status"] == "failed"
        assert "127.0.0.1, which is not public" in refused["error"]
    assert len(receiver.messages) == 1
    sender.start()
