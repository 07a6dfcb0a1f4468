"""How long an event takes from the commit on one replica to a stream of the other one."""

import statistics
import time
import uuid
from functools import partial
from pathlib import Path

import pytest

from app.services.broadcast import POLL_TOLD_SECONDS
from tests.azure_emulator.running import RunningEmulator
from tests.event_reader import EventReader
from tests.replicas.conftest import Records, azure_body
from tests.served import Json, Served, served

COUNT = 30
pytestmark = pytest.mark.slow


def _delays(one: Served, other: Served) -> list[float]:
    """Seconds from the answer of one replica to the event on a stream of the other one, sorted."""
    reader = EventReader(other.port)
    found = []
    for _ in range(COUNT):
        name = f"d-{uuid.uuid4().hex[:8]}"
        one.submit(azure_body(name=name))
        answered = time.time()
        reader.until(partial(_tells, name))
        first = next(n for n, event in enumerate(reader.events) if event["sweep"] == name)
        found.append(reader.arrived[first] - answered)
        time.sleep(0.1)
    return sorted(found)


def _tells(name: str, seen: list[Json]) -> bool:
    return any(event["sweep"] == name for event in seen)


def _told(title: str, delays: list[float]) -> None:
    tenth = delays[int(0.9 * len(delays))]
    print(
        f"{title}: median {1000 * statistics.median(delays):.0f} ms, "
        f"9 in 10 within {1000 * tenth:.0f} ms, longest {1000 * delays[-1]:.0f} ms"
    )


def test_an_event_is_told_quicker_than_by_the_clock(
    pair: tuple[Served, Served], records: Records
) -> None:
    """On PostgreSQL by NOTIFY, and again after the connection that hears it was cut."""
    one, other = pair
    delays = _delays(one, other)
    _told("NOTIFY", delays)
    assert statistics.median(delays) < POLL_TOLD_SECONDS / 5
    records.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'sweepfront signals' AND datname = current_database()"
    )
    delays = _delays(one, other)
    _told("NOTIFY, after its connection was cut", delays)
    assert statistics.median(delays) < POLL_TOLD_SECONDS / 5


def test_an_event_is_found_by_the_clock_where_nothing_is_told(
    tmp_path: Path, scripts: Path, azure: RunningEmulator
) -> None:
    """Two services on one SQLite file."""
    variables = azure.environment() | {"SWEEPFRONT_POLL_INTERVAL": "60"}
    options = {"code_root": scripts, "environment": variables}
    with (
        served(tmp_path / "data", log="one", **options) as one,
        served(tmp_path / "data", log="other", **options) as other,
    ):
        delays = _delays(one, other)
    _told("polling", delays)
    assert delays[-1] < 10
