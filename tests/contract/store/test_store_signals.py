"""On PostgreSQL the commits of one process are told to the others at once."""

import asyncio
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import create_engine, text, update

from app.services.broadcast import Broadcast
from app.store import claims, leases, sweeps
from app.store.database import Database
from app.store.engines import LISTENER
from app.store.tables import SWEEPS
from app.sweep.errors import StoreBusyError
from app.sweep.record import Event
from app.sweep.state import SweepStatus
from tests.contract.store.samples import claim_one, new, running

WITHIN = 20.0
LONG = 300.0
"""Seconds between looks by the clock: longer than any test."""


@pytest.fixture
def two(url: str) -> Iterator[tuple[Database, Database]]:
    """Two services' ends of one database on PostgreSQL."""
    one, other = Database(url), Database(url)
    yield one, other
    one.close()
    other.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, or fail."""
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def cut(url: str) -> int:
    """Have the server close every connection that listens; how many there were."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        ends = text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = :name AND datname = current_database()"
        )
        count: int = connection.execute(ends, {"name": LISTENER}).scalar_one()
    engine.dispose()
    return count


def encode(event: Event) -> bytes:
    """Any bytes will do here."""
    return str(event.id).encode()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_stream_hears_what_another_service_commits(two: tuple[Database, Database]) -> None:
    """At once, though it looks by the clock once in five minutes only."""
    one, other = two

    async def test() -> list[str | None]:
        broadcast = Broadcast(other, encode, poll=LONG, poll_told=LONG)
        async with asyncio.timeout(WITHIN), broadcast.subscribe() as stream:
            await asyncio.to_thread(until, lambda: other.hears_others)
            await asyncio.to_thread(sweeps.add, one, new("first"))
            return [told.event.sweep for told in await stream.take()]

    assert asyncio.run(test()) == ["first"]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_what_is_committed_while_nobody_listens_is_found_afterwards(
    url: str, two: tuple[Database, Database]
) -> None:
    """The connection is cut again and again, and nothing is missed; nobody looks by the clock."""
    one, other = two

    async def test() -> list[str | None]:
        broadcast = Broadcast(other, encode, poll=LONG, poll_told=LONG)
        found: list[str | None] = []
        async with asyncio.timeout(2 * WITHIN), broadcast.subscribe() as stream:
            for number in range(3):
                await asyncio.to_thread(until, lambda: other.hears_others)
                assert await asyncio.to_thread(cut, url) == 1
                await asyncio.to_thread(sweeps.add, one, new(f"s{number}"))
                found += [told.event.sweep for told in await stream.take()]
        return found

    assert asyncio.run(test()) == ["s0", "s1", "s2"]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_trackers_are_told_whose_sweep_is_due(two: tuple[Database, Database]) -> None:
    """One signal for each commit that makes one due, to the others only; none for other news."""
    one, other = two
    heard: queue.Queue[str | None] = queue.Queue()
    own: queue.Queue[str | None] = queue.Queue()
    other.listen_due(heard.put)
    one.listen_due(own.put)
    assert heard.get(timeout=WITHIN) is None, "what came before it listened"
    assert own.get(timeout=WITHIN) is None
    sweeps.add(one, new("far", backend="azureml"))
    assert heard.get(timeout=WITHIN) == "azureml"
    sweeps.add(one, new("one"))
    assert heard.get(timeout=WITHIN) == "local"
    claim = claim_one(one, "one", "test", lease=60)
    assert claim is not None
    assert leases.submitted(one, claim)
    sweeps.request_cancel(other, "one")
    assert own.get(timeout=WITHIN) == "local"
    # It was asked for during the look, so it is due again as soon as the look has ended.
    assert leases.apply(one, claim, running(), next_look=60)
    assert heard.get(timeout=WITHIN) == "local"
    (again,) = claims.claim_due(other, "other", backend="local", limit=5, lease=60)
    assert again.sweep.name == "one"
    assert leases.told_cancel(other, again)
    assert leases.finish(other, again, SweepStatus.CANCELED, "canceled")
    sweeps.archive(one, "one")
    sweeps.add(one, new("last"))
    assert heard.get(timeout=WITHIN) == "local"
    assert heard.empty()
    assert own.empty()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_transaction_that_stands_still_does_not_hold_up_the_others(url: str) -> None:
    """As one of a process that was stopped: the server ends it, and nothing of it is written."""
    stopped, other = Database(url, busy_timeout=0.5), Database(url, busy_timeout=0.5)
    sweeps.add(other, new("one"))
    with pytest.raises(StoreBusyError, match="standstill"):
        write_late(stopped, lambda: cancels(other))
    assert sweeps.get(other, "one").status_reason is None
    stopped.close()
    other.close()


def write_late(db: Database, others_are_done: Callable[[], bool]) -> None:
    """A transaction that comes to its end when the others are done."""
    with db.write() as session:
        session.execute(update(SWEEPS).values(status_reason="late"))
        until(others_are_done)


def cancels(db: Database) -> bool:
    """Try once; False while the row is locked."""
    with suppress(StoreBusyError):
        return sweeps.request_cancel(db, "one").status is SweepStatus.CANCELING
    return False
