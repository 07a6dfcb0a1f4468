"""Where the courier connects to: the address that was looked at, under the name that was given."""

import socket
import time
from typing import Any

import pytest

from app.store.database import Database
from app.sweep.webhook import Delivery, DeliveryStatus, Webhook
from app.webhooks.receivers import Receivers as Allowed
from tests.receiver import Receivers, Reply
from tests.webhooks.conftest import LOOPBACK, Start, log, subscribe, tell


def attempted(db: Database, webhook: Webhook) -> Delivery:
    """The only delivery once it was tried."""
    deadline = time.monotonic() + 10
    while not (found := log(db, webhook)) or not found[0].attempts:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433"])
def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    db: Database, receive: Receivers, start: Start, host: str
) -> None:
    """Looked up when a message is sent, whatever it led to before."""
    receiver = receive.make("localhost", "127.0.0.1")
    webhook = subscribe(db, f"https://{host}:{receiver.port}/")
    start(receivers=Allowed(), schedule=[1000])
    tell(db, "one")
    found = attempted(db, webhook)
    assert (found.status, found.response_status) == (DeliveryStatus.PENDING, None)
    assert found.error is not None
    assert "127.0.0.1, which is not public" in found.error
    assert receiver.connections == 0


def test_the_address_that_was_looked_at_is_the_one_that_is_used(
    db: Database, receive: Receivers, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere a moment later changes nothing; host and certificate are its."""
    receiver = receive.make("hooks.example")
    known, asked = socket.getaddrinfo, []

    def rebinding(host: Any, *more: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
        """A name server of somebody bad: the first answer is good, later ones are not."""
        if host != "hooks.example":
            return known(host, *more, **options)
        asked.append(host)
        return known("127.0.0.1" if len(asked) == 1 else "127.0.0.9", *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    webhook = subscribe(db, f"https://hooks.example:{receiver.port}/a?b=c")
    start(receivers=Allowed(["127.0.0.1"]))
    tell(db, "one", "two")
    messages = receiver.until(2)
    assert messages[0].headers["host"] == f"hooks.example:{receiver.port}"
    assert messages[0].signed_by(webhook.secret)["type"] == "sweep.details"
    assert asked == ["hooks.example"]


def test_a_certificate_of_another_name_is_refused(
    db: Database, receive: Receivers, start: Start
) -> None:
    """So nobody else at that address reads the messages."""
    receiver = receive.make("other.example")
    webhook = subscribe(db, receiver.url)
    start(schedule=[])
    tell(db, "one")
    found = attempted(db, webhook)
    assert found.error is not None
    assert "certificate verify failed" in found.error
    assert receiver.messages == []


def test_a_certificate_of_nobody_known_is_refused(
    db: Database, receive: Receivers, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The public authorities are asked when no file of them is named."""
    monkeypatch.delenv("SSL_CERT_FILE")
    receiver = receive.make()
    webhook = subscribe(db, receiver.url)
    start(schedule=[])
    tell(db, "one")
    found = attempted(db, webhook)
    assert found.error is not None
    assert "certificate verify failed" in found.error


def test_redirects_are_not_followed(db: Database, receive: Receivers, start: Start) -> None:
    """They could lead anywhere."""
    receiver, other = receive.make(), receive.make()
    receiver.replies.append(Reply(status=307, headers={"Location": other.url}))
    webhook = subscribe(db, receiver.url)
    start(schedule=[])
    tell(db, "one")
    found = attempted(db, webhook)
    assert (found.status, found.response_status) == (DeliveryStatus.FAILED, 307)
    assert found.error is not None
    assert "not followed" in found.error
    assert other.connections == 0


def test_http_is_for_those_who_allow_it(db: Database, receive: Receivers, start: Start) -> None:
    """Also when it was allowed as the webhook was made."""
    receiver = receive.make(tls=False)
    webhook = subscribe(db, receiver.url)
    strict = start(receivers=Allowed(["127.0.0.1"]), schedule=[])
    tell(db, "one")
    found = attempted(db, webhook)
    assert found.error is not None
    assert "SWEEPFRONT_WEBHOOK_ALLOW_HTTP" in found.error
    assert receiver.connections == 0
    strict.stop()
    other = subscribe(db, receiver.url)
    start(receivers=LOOPBACK)
    tell(db, "two")
    (message,) = receiver.until(1)
    assert message.signed_by(other.secret)["data"]["sweep"] == "two"


def test_the_environments_proxies_are_not_used(
    db: Database, receive: Receivers, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would connect to where it likes."""
    receiver = receive.make()
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    subscribe(db, receiver.url)
    start()
    tell(db, "one")
    receiver.until(1)


def test_certificates_that_cannot_be_read_are_told(
    db: Database, receive: Receivers, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the log of deliveries, where somebody looks for the reason."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    webhook = subscribe(db, receive.make().url)
    start(schedule=[])
    tell(db, "one")
    found = attempted(db, webhook)
    assert found.error is not None
    assert "No such file" in found.error
