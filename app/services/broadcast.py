"""Events as they are committed, for whoever listens in this process: each is read and encoded once.

A listener that asks for what followed an event reads the records, page by page, until it has caught
up, and is handed the events from then on. So it gets each once, in the order of commits, across
restarts of either side. One that does not take what it is handed is dropped: it comes back and
catches up.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

from app.services.stream import PAGE, Batch, Stream, StreamOverError, Told, Wish
from app.store import events
from app.store.database import Database
from app.sweep.errors import SweepfrontError
from app.sweep.event_types import EventType
from app.sweep.record import Event

POLL_SECONDS = 0.5
"""How often the records are asked for what other processes committed, while anybody listens."""
POLL_TOLD_SECONDS = 5.0
"""The same while the database tells of their commits."""
PAUSE_SECONDS = 0.05
"""Between two hand-outs, so that a burst of commits reaches the listeners in few pieces."""
_PAUSE_PER_LISTENER = 0.002
"""Forty times what a hand-out costs for each: requests are answered beside many listeners."""
_MAX_PAUSE_SECONDS = 0.5
_END_SECONDS = 2.0

log = logging.getLogger(__name__)


class Broadcast:
    """Reads new events once and hands them to all listeners; rests while there are none.

    Its coroutines belong to one event loop.
    """

    def __init__(
        self,
        db: Database,
        encode: Callable[[Event], bytes],
        *,
        poll: float = POLL_SECONDS,
        poll_told: float = POLL_TOLD_SECONDS,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        """Listen to the commits of this process, and of others as far as the database tells.

        Args:
            db: where the events are.
            encode: makes the bytes by which an event is sent on.
            poll: seconds between looks for what other processes committed.
            poll_told: the same while the database tells of their commits.
            pause: seconds between two hand-outs; longer with many listeners.
        """
        self._db = db
        self._encode = encode
        self._poll = poll
        self._poll_told = max(poll, poll_told)
        self._pause = pause
        self._position = 0
        self._streams: set[Stream] = set()
        self._reader: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._rung = asyncio.Event()
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ended = False
        db.listen(self._ring, afar=True)

    @asynccontextmanager
    async def subscribe(
        self,
        sweep: str | None = None,
        *,
        types: Collection[EventType] | None = None,
        projects: frozenset[str] | None = None,
        after: int | None = None,
    ) -> AsyncIterator[Stream]:
        """Listen, to one sweep or to all, for as long as the block runs.

        Args:
            sweep: its name; None: all sweeps.
            types: of the events that are wanted; None: all.
            projects: the only ones of whose events the listener may know; None: all.
            after: begin after the event of that id; 0 is the beginning. None: what is new from
                now on. An id that no event has yet counts as the newest.

        Raises:
            StoreBusyError: the records cannot be read now.
        """
        wish = sweep, None if types is None else frozenset(types), projects
        stream = Stream(wish, lambda last: self._page(last, wish))
        self._streams.add(stream)
        self._deserted.clear()
        try:
            await self._begin(stream, after)
            yield stream
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._deserted.set()
                self._rest()

    def end(self) -> None:
        """End all streams, and each that begins from now on; on the event loop."""
        self.ended = True
        for stream in tuple(self._streams):
            stream.end(StreamOverError("The service ends."))

    async def stop(self) -> None:
        """End all streams, and wait a little until their listeners have left."""
        self.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._deserted.wait()
        self._rest()

    async def _begin(self, stream: Stream, after: int | None) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._beginning:
            if self._reader is None:
                self._position = await self._newest()
                self._reader = asyncio.create_task(self._read_on())
        position = self._position
        if after is not None and after > position:
            # Another process may have committed it just now.
            position = min(after, await self._newest())
        elif after is not None:
            position = after
        stream.begin(position, behind=position < self._position)
        if self.ended:
            stream.end(StreamOverError("The service ends."))

    def _rest(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read_on(self) -> None:
        well = True
        while True:
            with suppress(TimeoutError):
                told = self._db.hears_others
                async with asyncio.timeout(self._poll_told if told else self._poll):
                    await self._rung.wait()
            self._rung.clear()
            try:
                if await self._hand_out():
                    pause = self._pause + len(self._streams) * _PAUSE_PER_LISTENER
                    await asyncio.sleep(min(pause, _MAX_PAUSE_SECONDS))
                well = True
            except SweepfrontError as error:
                if well:
                    log.warning("events cannot be read now: %s", error)
                well = False
            except Exception:
                if well:
                    log.exception("events cannot be handed out")
                well = False

    async def _hand_out(self) -> bool:
        """Hand over a page of what is new; False: there was nothing."""
        batch = await asyncio.to_thread(self._page, self._position, (None, None, None))
        if not batch:
            return False
        self._position = batch[-1].event.id
        shares: dict[Wish, Batch] = {}
        for stream in tuple(self._streams):
            if stream.wish not in shares:
                shares[stream.wish] = _share(batch, stream.wish)
            stream.offer(shares[stream.wish])
        if len(batch) == PAGE:
            self._rung.set()
        return True

    def _page(self, after: int, wish: Wish) -> Batch:
        sweep, types, projects = wish
        found = events.page(
            self._db, sweep=sweep, types=types, projects=projects, after=after, limit=PAGE
        )
        return Batch(Told(event, self._encode(event)) for event in found)

    async def _newest(self) -> int:
        return await asyncio.to_thread(events.newest, self._db)

    def _ring(self) -> None:
        """Called in the thread that committed."""
        loop = self._loop
        if loop is not None and self._streams and not self._rung.is_set():
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._rung.set)


def _share(batch: Batch, wish: Wish) -> Batch:
    """What somebody with that wish is told of a batch."""
    sweep, types, projects = wish
    if wish == (None, None, None):
        return batch
    return Batch(
        told
        for told in batch
        if sweep in (None, told.event.sweep)
        and (types is None or told.event.type in types)
        and (projects is None or told.event.project in projects)
    )
