"""Events reach whoever listens: each once, in the order of commits, on every database."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.services.broadcast import Broadcast
from app.services.stream import BACKLOG_BYTES, PAGE, FellBehindError, Stream
from app.store import claims, events, leases, sweeps
from app.store.database import Database
from app.sweep.errors import StoreBusyError
from app.sweep.event_types import EventType
from app.sweep.record import Event
from tests.contract.store.samples import new, report, running, trial

WITHIN = 10.0


def encode(event: Event) -> bytes:
    """Any bytes will do here."""
    return f"{event.id} {event.type}".encode()


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the test on an event loop of its own, and not for ever."""

    async def bounded() -> None:
        async with asyncio.timeout(4 * WITHIN):
            await test()

    asyncio.run(bounded())


async def taken(stream: Stream, count: int) -> list[Event]:
    """So many events, or a failure."""
    found: list[Event] = []
    async with asyncio.timeout(WITHIN):
        while len(found) < count:
            found += [told.event for told in await stream.take()]
    return found


def add(db: Database, *names: str) -> None:
    """Sweeps, each of which brings one event."""
    for name in names:
        sweeps.add(db, new(name))


def tell(db: Database, count: int, kind: EventType = "sweep.details", size: int = 1) -> None:
    """So many events in one transaction."""
    with db.write() as session:
        data = {"words": "x" * size}
        told = [events.NewEvent(kind, "one", data) for _ in range(count)]
        events.append(session, told, project=None)


def test_a_listener_hears_what_is_new(db: Database) -> None:
    """In order, as soon as it is committed; what came before it listened is not told."""

    async def test() -> None:
        broadcast = Broadcast(db, encode, poll=60)
        await asyncio.to_thread(add, db, "before")
        async with broadcast.subscribe() as stream:
            await asyncio.to_thread(add, db, "one", "two")
            found = await taken(stream, 2)
            assert [event.sweep for event in found] == ["one", "two"]
            assert stream.position == found[-1].id == events.newest(db)
            assert await stream.take(within=0.05) == []

    in_a_loop(test)


def test_a_listener_hears_what_it_asked_for(db: Database) -> None:
    """One sweep, some types; from the beginning, from an id, from an id that is not there yet."""

    async def test() -> None:
        broadcast = Broadcast(db, encode, poll=60)
        await asyncio.to_thread(add, db, "one", "two")
        async with (
            broadcast.subscribe("one", after=0) as first,
            broadcast.subscribe(types={"sweep.status"}, after=1) as second,
            broadcast.subscribe(after=10_000) as third,
        ):
            (claim,) = claims.claim_due(db, "tester", backend="local", limit=1, lease=60)
            look = running(trial(0), metrics=[report(0, 1, 2.0)])
            assert await asyncio.to_thread(leases.apply, db, claim, look, next_look=60)
            types = ["trial.status", "trial.metric", "sweep.status"]
            found = await taken(first, 4)
            assert [event.type for event in found] == ["sweep.status", *types]
            assert {event.sweep for event in found} == {"one"}
            assert [event.id for event in await taken(second, 2)] == [2, 5]
            assert [event.type for event in await taken(third, 3)] == types

    in_a_loop(test)


@pytest.mark.parametrize("writers", [1, 4])
def test_nothing_is_lost_or_told_twice(db: Database, writers: int) -> None:
    """However often a listener leaves and comes back while others commit."""
    each = 120
    total = writers * each

    def write(writer: int) -> None:
        for n in range(each):
            tell(db, 1 + n % 3)
            sweeps.get(db, f"sweep-{writer}")

    async def test() -> None:
        add(db, *[f"sweep-{n}" for n in range(writers)])
        broadcast = Broadcast(db, encode, pause=0.001)
        threads = [threading.Thread(target=write, args=[n]) for n in range(writers)]
        for thread in threads:
            thread.start()
        found: list[int] = []
        whole = writers + 2 * total
        async with broadcast.subscribe(after=0) as steady:
            while len(found) < whole:
                after = found[-1] if found else 0
                async with broadcast.subscribe(after=after) as stream:
                    for _ in range(3):
                        told = await stream.take(within=0.5)
                        found += [one.event.id for one in told]
            assert [event.id for event in await taken(steady, whole)] == found
        for thread in threads:
            thread.join()
        assert found == [event.id for event in events.page(db, limit=10 * whole)]

    in_a_loop(test)


def test_long_histories_are_read_in_pages(db: Database) -> None:
    """While newer events come in."""

    async def test() -> None:
        broadcast = Broadcast(db, encode, poll=60)
        await asyncio.to_thread(tell, db, 2 * PAGE)
        async with broadcast.subscribe(after=0) as stream:
            first = await stream.take()
            assert len(first) == PAGE
            await asyncio.to_thread(tell, db, PAGE + 7)
            rest = await taken(stream, 2 * PAGE + 7)
            assert [event.id for event in rest] == list(range(PAGE + 1, 3 * PAGE + 8))

    in_a_loop(test)


def test_what_another_process_commits_is_heard(db: Database, url: str) -> None:
    """Nobody rings for it."""
    other = Database(url)

    async def test() -> None:
        broadcast = Broadcast(db, encode, poll=0.05)
        async with broadcast.subscribe() as stream:
            await asyncio.to_thread(add, other, "one")
            (event,) = await taken(stream, 1)
            assert event.sweep == "one"
            # A listener may know events from there that have not been read here.
            async with broadcast.subscribe(after=events.newest(db)) as second:
                await asyncio.to_thread(add, other, "two")
                assert [event.sweep for event in await taken(second, 1)] == ["two"]

    in_a_loop(test)
    other.close()


def test_a_listener_that_takes_nothing_is_dropped(db: Database) -> None:
    """The others go on, and it may come back for what it missed."""

    async def test() -> None:
        dropped: list[bool] = []
        broadcast = Broadcast(db, lambda _: b"x" * (BACKLOG_BYTES // 10), pause=0.001)
        async with broadcast.subscribe() as slow, broadcast.subscribe() as quick:
            slow.when_over(lambda: dropped.append(True))
            for n in range(12):
                await asyncio.to_thread(tell, db, 1)
                assert [event.id for event in await taken(quick, 1)] == [n + 1]
            assert dropped == [True]
            with pytest.raises(FellBehindError):
                await slow.take()
            with pytest.raises(FellBehindError):
                async for _ in slow:
                    pass
        async with broadcast.subscribe(after=slow.position) as back:
            assert len(await taken(back, 12)) == 12

    in_a_loop(test)


class Watched(Database):
    """A database that counts its readers, and is busy when told so."""

    reads = 0
    busy = False

    @contextmanager
    def read(self, *, piecemeal: bool = False) -> Iterator[Session]:
        """Count."""
        self.reads += 1
        if self.busy:
            raise StoreBusyError("The database is locked.")
        with super().read(piecemeal=piecemeal) as session:
            yield session


@pytest.fixture
def watched(db: Database, url: str) -> Iterator[Watched]:  # noqa: ARG001 - the database exists
    """The test's database once more, watched."""
    database = Watched(url)
    yield database
    database.close()


def test_nobody_listens_nobody_reads(watched: Watched) -> None:
    """Neither before the first listener nor after the last."""

    async def test() -> None:
        broadcast = Broadcast(watched, encode, poll=0.01, pause=0.001)
        await asyncio.to_thread(add, watched, "one")
        watched.reads = 0
        await asyncio.sleep(0.2)
        assert watched.reads == 0
        async with broadcast.subscribe() as stream:
            while watched.reads < 3:
                await stream.take(within=0.05)
        await asyncio.to_thread(add, watched, "two")
        await asyncio.sleep(0.1)
        before = watched.reads
        await asyncio.sleep(0.2)
        assert watched.reads == before

    in_a_loop(test)


def test_trouble_with_the_database_passes(db: Database, watched: Watched) -> None:
    """Those who listen get their events afterwards; who begins then is told of the trouble."""

    async def test() -> None:
        broadcast = Broadcast(watched, encode, poll=0.05)
        await asyncio.to_thread(tell, db, 1)
        async with broadcast.subscribe() as stream:
            watched.busy = True
            await asyncio.to_thread(tell, db, 1)
            assert await stream.take(within=0.2) == []
            with pytest.raises(StoreBusyError):
                async with broadcast.subscribe(after=0) as late:
                    await late.take()
            watched.busy = False
            assert len(await taken(stream, 1)) == 1
        watched.busy = True
        with pytest.raises(StoreBusyError):
            async with broadcast.subscribe():
                pass

    in_a_loop(test)


def test_the_end_of_the_service_ends_all_streams(db: Database) -> None:
    """Those that wait, and those that come afterwards; it waits until they have left."""

    async def test() -> None:
        broadcast = Broadcast(db, encode)
        heard: list[str | None] = []

        async def listen() -> None:
            async with broadcast.subscribe() as stream:
                heard.extend([event.sweep async for event in stream])
                heard.append("over")

        listener = asyncio.create_task(listen())
        await asyncio.sleep(0.05)
        await asyncio.to_thread(add, db, "one")
        await asyncio.sleep(0.2)
        await broadcast.stop()
        assert heard == ["one", "over"]
        await listener
        await listen()
        assert heard == ["one", "over", "over"]

    in_a_loop(test)
