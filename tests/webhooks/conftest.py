"""Couriers that work in this process, and receivers for them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.store import deliveries, events, webhooks
from app.store.database import Database, migrate
from app.sweep.webhook import Delivery, NewWebhook, Webhook
from app.webhooks.courier import Courier
from app.webhooks.messages import new_secret
from app.webhooks.receivers import Receivers as Allowed
from tests.receiver import Receivers, receivers

Start = Callable[..., Courier]

LOOPBACK = Allowed(["127.0.0.0/8"], http=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of an empty database."""
    address = f"sqlite:///{tmp_path / 'records.db'}"
    migrate(address)
    return address


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """An empty database."""
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def receive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receivers]:
    """Makes receivers whose certificates are believed."""
    with receivers(tmp_path) as maker:
        monkeypatch.setenv("SSL_CERT_FILE", str(maker.ca))
        yield maker


@pytest.fixture
def start(db: Database, receive: Receivers) -> Iterator[Start]:
    """Starts couriers that are quick to try again; ends them before the receivers."""
    assert receive.ca.exists()
    started: list[Courier] = []

    def begin(**options: Any) -> Courier:  # noqa: ANN401 - passed on
        values = {"receivers": LOOPBACK, "schedule": [0.05, 0.05], "patience": 5.0, **options}
        courier = Courier(db, values.pop("receivers"), **values)
        courier.start()
        started.append(courier)
        return courier

    yield begin
    for courier in started:
        courier.stop()


def subscribe(db: Database, url: str, **more: object) -> Webhook:
    """A webhook for all events, or for those that are named."""
    values: dict[str, object] = {"url": url, "secret": new_secret(), **more}
    return webhooks.add(db, NewWebhook(**values))  # type: ignore[arg-type]


def tell(db: Database, *sweeps: str) -> None:
    """An event of each sweep."""
    with db.write() as session:
        told = [events.NewEvent("sweep.details", name, {"of": name}) for name in sweeps]
        events.append(session, told, project=None)


def log(db: Database, webhook: Webhook) -> list[Delivery]:
    """The webhook's deliveries, the oldest first."""
    return list(reversed(deliveries.page(db, webhook.id, limit=200).items))
