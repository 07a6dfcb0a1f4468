"""The process beside the web server that looks at sweeps: it dies, stands still, is left behind."""

import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.processes import House, Process, house
from tests.served import Served, half_done, served, slow_sweep, until

pytestmark = pytest.mark.slow


@pytest.fixture
def service(tmp_path: Path, scripts: Path) -> Iterator[Served]:
    """A service with its trackers."""
    with served(tmp_path / "data", code_root=scripts) as running:
        yield running


_until = partial(until, within=30.0)


def _tracker(service: Served) -> Process:
    found: list[Process] = []

    def there() -> bool:
        tracker = house(service.data).tracker
        found[:] = [tracker] if tracker is not None else []
        return bool(found)

    _until(there)
    return found[0]


def _writes(service: Served) -> bool:
    """Somebody has the right to write."""
    with closing(sqlite3.connect(service.data / "sweepfront.db", timeout=0.5)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


def test_a_killed_tracker_is_replaced_and_its_sweeps_go_on(service: Served) -> None:
    """Three times; requests are answered meanwhile, and every trial is recorded once."""
    name = service.submit(slow_sweep(8, 10, 0.1))["name"]
    seen = set()
    for _ in range(3):
        victim = _tracker(service)
        seen.add(victim.pid)
        assert victim.kill()
        service.get(f"/v1/sweeps/{name}")
        _until(lambda gone=victim: _tracker(service).pid != gone.pid)  # type: ignore[misc]
    sweep = service.finished(name)
    assert sweep["status"] == "completed"
    assert sweep["trial_counts"]["completed"] == 8
    assert len(seen) == 3
    assert service.log().count("the process that looks at sweeps ended with code -9") == 3
    assert service.get("/readyz")["checks"]["tracker"] == "ok"


def test_a_killed_service_leaves_none_behind(service: Served) -> None:
    """Its tracker ends by itself; that of its successor takes the sweep over."""
    name = service.submit(slow_sweep(6, 10, 0.1))["name"]
    service.until(name, half_done)
    before = house(service.data)
    assert before.service is not None
    assert before.service.kill()
    assert before.tracker is not None
    assert before.keeper is not None
    for process in (before.tracker, before.keeper):
        _until(lambda gone=process: not gone.lives())  # type: ignore[misc]
    assert service.process is not None
    service.process.wait(timeout=30)
    service.start()
    assert service.finished(name)["status"] == "completed"
    assert "Traceback" not in service.log()


def test_a_tracker_that_stands_still_is_told(service: Served) -> None:
    """`/readyz` says so, requests are answered, and it goes on where it stood."""
    tracker = _tracker(service)
    os.kill(tracker.pid, signal.SIGSTOP)
    while _writes(service):
        # Whoever stands still with the right to write holds up all who want it.
        os.kill(tracker.pid, signal.SIGCONT)
        time.sleep(0.05)
        os.kill(tracker.pid, signal.SIGSTOP)
    try:
        name = service.submit(slow_sweep(2, 1, 0.0))["name"]
        _until(lambda: service.client.get("/readyz").status_code == 503)
        words = service.client.get("/readyz").json()["checks"]["tracker"]
        assert words == "gives no sign of life"
        assert service.get(f"/v1/sweeps/{name}")["status"] == "submitting"
    finally:
        os.kill(tracker.pid, signal.SIGCONT)
    assert service.finished(name)["status"] == "completed"
    # Its first word may come before its first round.
    until(lambda: service.client.get("/readyz").status_code == 200, within=5.0)


def test_a_service_that_ends_waits_for_its_tracker(service: Served) -> None:
    """Nothing of it is left, nor the folder with its figures."""
    before: House = house(service.data)
    assert before.tracker is not None
    maps = Path(f"/proc/{before.tracker.pid}/maps").read_text()
    files = {Path(found) for found in re.findall(r"/\S+/sweepfront-metrics-\S+", maps)}
    assert files
    service.stop()
    assert not service.processes()
    assert not [file for file in files if file.parent.exists()]
