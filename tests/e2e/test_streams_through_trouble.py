"""Streams of events through what happens to a service: its end, its death, a second one, haste."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from app.store.database import Database
from app.store.events import NewEvent, append
from tests.event_reader import EventReader
from tests.served import Json, Served, served, slow_sweep

END_SECONDS = 5.0
BUSY_SECONDS = 10.0
"""What the engine's end may add on a machine that is busy."""
READERS = 50
KIB = 1024


def ended(events: list[Json]) -> bool:
    """The sweep has."""
    return any(e["type"] == "sweep.status" and e["data"]["status"] == "completed" for e in events)


def told(service: Served) -> list[Json]:
    """All events, as the pages have them."""
    return service.items("/v1/events?limit=200", following="after")


@pytest.mark.slow
def test_nothing_is_lost_or_told_twice_when_the_service_goes(tmp_path: Path, scripts: Path) -> None:
    """Killed and stopped while a sweep runs; the reader comes back each time."""
    with served(tmp_path / "data", code_root=scripts) as service:
        reader = EventReader(service.port)
        name = service.submit(slow_sweep(6, 10, 0.1))["name"]
        for end in (service.kill, service.stop):
            seen = len(reader.events)
            reader.until(lambda events, seen=seen: len(events) > seen + 8)  # type: ignore[misc]
            end()
            reader.join()
            assert reader.clean is (end == service.stop)
            service.start()
            reader.connect(service.port)
        service.finished(name)
        reader.until(ended)
        assert reader.events == told(service)
        assert reader.begins[0] == 0
        reader.close()


@pytest.mark.slow
def test_readers_of_two_services_hear_the_same(tmp_path: Path, scripts: Path) -> None:
    """Whichever of them commits; and they may go from the one to the other."""
    data = tmp_path / "data"
    with served(data, code_root=scripts) as first, served(data, code_root=scripts) as second:
        readers = [EventReader(first.port), EventReader(second.port), EventReader(first.port)]
        name = first.submit(slow_sweep(4, 6, 0.1))["name"]
        wanderer = readers[2]
        for service in (second, first, second):
            seen = len(wanderer.events)
            wanderer.until(lambda events, seen=seen: len(events) > seen + 3)  # type: ignore[misc]
            wanderer.close()
            wanderer.connect(service.port)
        second.finished(name)
        pages = told(first)
        for reader in readers:
            reader.until(ended)
            assert reader.events == pages
            reader.close()


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory, scripts: Path) -> Iterator[Served]:
    """A service with a finished sweep, for what must not happen to others."""
    data = tmp_path_factory.mktemp("idle") / "data"
    with served(data, code_root=scripts) as running:
        name = running.submit(slow_sweep(1, 1, 0.0))["name"]
        running.finished(name)
        yield running


def deaf(service: Served, path: str) -> socket.socket:
    """A reader that asks for a stream and never reads it."""
    quiet = socket.socket()
    quiet.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
    quiet.connect(("127.0.0.1", service.port))
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Accept: text/event-stream",
        "Connection: close",
    ]
    quiet.sendall("\r\n".join([*lines, "", ""]).encode())
    return quiet


@pytest.mark.slow
def test_who_does_not_read_is_dropped(idle: Served) -> None:
    """The others get every event; the service's memory is bounded."""
    count, size = 2000, 10 * KIB
    good = EventReader(idle.port)
    slow = [deaf(idle, "/v1/events") for _ in range(10)]
    time.sleep(0.5)
    before = idle.memory()
    db = Database(f"sqlite:///{idle.data / 'sweepfront.db'}")
    for _ in range(20):
        with db.write() as session:
            news = [NewEvent("sync.error", "other", {"error": "x" * size})] * (count // 20)
            append(session, news, project=None)
    db.close()
    good.until(lambda events: len(events) == count)
    assert good.ids == list(range(good.begins[0] + 1, good.begins[0] + 1 + count))
    deadline = time.monotonic() + 20
    while idle.log().count("fell behind") < len(slow):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert idle.memory() - before < 10 * count * size / KIB**2 / 2
    with contextlib.closing(slow.pop()) as last:
        last.settimeout(20)
        rest = b"".join(iter(lambda: last.recv(256 * KIB), b""))
    assert 0 < len(rest) < count * size
    ids = [int(number) for number in re.findall(rb"\nid: (\d+)\n\n", rest)]
    assert ids == good.ids[: len(ids)]
    for quiet in slow:
        quiet.close()
    good.close()


def test_fifty_streams_do_not_hold_up_the_end(idle: Served) -> None:
    """Each is ended properly, as is the connection of a page that is open."""
    readers = [EventReader(idle.port) for _ in range(READERS)]
    page = f"ws://127.0.0.1:{idle.port}/dashboard/_nicegui_ws/socket.io/"
    with connect(f"{page}?EIO=4&transport=websocket") as websocket:
        assert str(websocket.recv()).startswith("0{")
        assert idle.process is not None
        idle.process.terminate()
        begun = time.monotonic()
        for reader in readers:
            reader.join()
            assert reader.clean
        assert time.monotonic() - begun < END_SECONDS
        idle.process.wait(timeout=END_SECONDS + BUSY_SECONDS)
