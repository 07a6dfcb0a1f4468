"""A replica that dies or stands still while it holds leases: the other one takes its sweeps over."""

import signal
import time
import uuid
from collections.abc import Callable

import pytest

from app.services.tracker import LEASE_SECONDS
from tests.azure_emulator.running import RunningEmulator
from tests.replicas.conftest import Records, azure_body
from tests.served import Served

COUNT = 6
PUT_JOB = "PUT .*/jobs/"
pytestmark = pytest.mark.slow


def _until(condition: Callable[[], bool], within: float) -> float:
    """Wait for it; the seconds that it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < within, f"not within {within} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def _busy(one: Served, records: Records, azure: RunningEmulator) -> list[str]:
    """Sweeps that the replica is submitting, with calls to Azure under way."""
    azure.misbehave({"match": PUT_JOB, "times": -1, "delay": 3.0})
    names = [f"t-{uuid.uuid4().hex[:8]}" for _ in range(COUNT)]
    for name in names:
        one.submit(azure_body(name=name))
    _until(lambda: len(_held(one, records)) >= COUNT // 2, 30)
    _until(lambda: len(azure.requests(PUT_JOB)) >= COUNT // 2, 30)
    return names


def _held(replica: Served, records: Records) -> list[str]:
    tracker = replica.pids()[-1]
    statement = "SELECT name FROM sweeps WHERE lease_owner LIKE :owner AND submitted_at IS NULL"
    found = records.rows(statement, owner=f"%:{tracker}:%")
    return [str(name) for (name,) in found]


def _all_submitted(records: Records) -> bool:
    return records.rows("SELECT count(*) FROM sweeps WHERE submitted_at IS NULL") == [(0,)]


def test_a_dead_replica_is_replaced_within_two_lease_times(
    pair: tuple[Served, Served], records: Records, azure: RunningEmulator
) -> None:
    """SIGKILL in the middle of submitting: each sweep is one job all the same."""
    one, other = pair
    before = set(azure.jobs())
    names = _busy(one, records, azure)
    one.kill()
    azure.misbehave()
    took = _until(lambda: _all_submitted(records), 2 * LEASE_SECONDS)
    print(f"taken over {took:.1f} s after SIGKILL")
    assert set(azure.jobs()) - before == set(names)
    for name in names:
        assert other.get(f"/v1/sweeps/{name}")["status"] != "submitting"


def test_a_replica_that_stood_still_writes_nothing_when_it_goes_on(
    pair: tuple[Served, Served], records: Records, azure: RunningEmulator
) -> None:
    """SIGSTOP: its leases run out, and what it brings afterwards no longer counts."""
    one, other = pair
    before = set(azure.jobs())
    names = _busy(one, records, azure)
    held = _held(one, records)
    one.send_all(signal.SIGSTOP)
    took = _until(lambda: _all_submitted(records), 2 * LEASE_SECONDS)
    print(f"taken over {took:.1f} s after SIGSTOP")
    _until(lambda: not records.owners(), 30)
    azure.misbehave()
    state = "SELECT name, token, status, cursor, last_synced_at, due_at FROM sweeps ORDER BY name"
    events = "SELECT count(*) FROM events"
    then = records.rows(state), records.rows(events)
    one.send_all(signal.SIGCONT)
    # Each look that stood still goes on with its next call to Azure, and then wants to write.
    _until(lambda: len(azure.requests("GET .*/jobs/")) >= len(held), 30)
    one.wait_until_ready()
    later = one.submit(azure_body(name=f"t-{uuid.uuid4().hex[:8]}"))["name"]
    other.until(later, lambda sweep: sweep["status"] != "submitting")
    after = [row for row in records.rows(state) if row[0] != later]
    assert after == then[0]
    told = "SELECT count(*) FROM events WHERE sweep <> :later"
    assert records.rows(told, later=later) == then[1]
    assert set(azure.jobs()) - before == {*names, later}
