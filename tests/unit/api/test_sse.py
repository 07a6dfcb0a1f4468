"""A stream of events as an ASGI answer: what is sent while nothing happens."""

import asyncio
from pathlib import Path
from typing import Any

from app.api.sse import EventStream, encode
from app.services.broadcast import Broadcast
from app.store.database import Database, migrate
from app.store.events import NewEvent, append

SCOPE: dict[str, Any] = {"type": "http", "asgi": {"spec_version": "2.3"}}


async def _waits() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError("nobody leaves")


def test_a_quiet_stream_shows_that_it_is_alive(tmp_path: Path) -> None:
    """By comments, which no reader takes for events, until the service ends."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    migrate(url)
    db = Database(url)
    with db.write() as session:
        told = [NewEvent("sync.error", "one", {"error": "line\nbreaks\r stay inside"})]
        append(session, told, project=None)
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's messages
        sent.append(dict(message))

    async def run() -> None:
        broadcast = Broadcast(db, encode)
        stream = EventStream(broadcast, after=0, heartbeat=0.02)
        answer = asyncio.create_task(stream(SCOPE, _waits, send))
        await asyncio.sleep(0.5)
        await broadcast.stop()
        await answer

    asyncio.run(run())
    db.close()
    start, *parts = sent
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    begin, event, *beats, end = [part["body"] for part in parts]
    assert begin == b"id: 0\nretry: 2000\n\n"
    assert event.startswith(b"event: sync.error\ndata: {")
    assert event.endswith(b"}\nid: 1\n\n")
    assert event.count(b"\n") == 4
    assert len(beats) > 3
    assert set(beats) == {b": ping\n\n"}
    assert end == b""
    assert parts[-1]["more_body"] is False
