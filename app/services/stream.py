"""One listener's share of the broadcast: the events that it asked for, in order, each once."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from app.sweep.errors import SweepfrontError
from app.sweep.event_types import EventType
from app.sweep.record import Event

PAGE = 500
"""Events that are read from the records at once."""
BACKLOG_BYTES = 4 * 1024 * 1024
"""A listener for which more than this waits, encoded, is dropped."""
_PIECE_BYTES = 64 * 1024
Wish = tuple[str | None, frozenset[EventType] | None, frozenset[str] | None]
"""The sweep, the types and the projects of the events that somebody gets; None: all."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """An event with the bytes by which it is sent on."""

    event: Event
    encoded: bytes


class Batch(list[Told]):
    """Events that are told together, to all listeners that want the same."""

    @cached_property
    def size(self) -> int:
        """Bytes of all, encoded."""
        return sum(len(told.encoded) for told in self)

    @cached_property
    def pieces(self) -> Sequence[bytes]:
        """The events as they are sent on, none so large that it fills a slow connection's memory."""
        pieces: list[bytes] = []
        some: list[bytes] = []
        size = 0
        for told in self:
            some.append(told.encoded)
            size += len(told.encoded)
            if size >= _PIECE_BYTES:
                pieces.append(b"".join(some))
                some, size = [], 0
        return [*pieces, b"".join(some)] if some else pieces


class FellBehindError(SweepfrontError):
    """A listener did not take its events in time; it may listen again after the last it took."""

    code = "fell-behind"


class StreamOverError(SweepfrontError):
    """No more events will come: the service ends."""

    code = "stream-over"


class Stream:
    """The events that one listener asked for; for one task of the event loop.

    `async for event in stream` goes on until the service ends, and raises FellBehindError once the
    listener is dropped. Listeners that want all that waits at once call `take`.

    Attributes:
        wish: what the listener asked for.
        position: all events up to this id were taken, or were not asked for.
    """

    def __init__(self, wish: Wish, read: Callable[[int], Batch]) -> None:
        self.wish = wish
        self.position = 0
        self._read = read
        self._behind = False
        self._queue: deque[Batch] = deque()
        self._bytes = 0
        self._bell = asyncio.Event()
        self._over: SweepfrontError | None = None
        self._when_over: Callable[[], None] | None = None

    def __aiter__(self) -> AsyncIterator[Event]:
        """Each event."""
        return self._each()

    async def _each(self) -> AsyncIterator[Event]:
        with suppress(StreamOverError):
            while True:
                for told in await self.take():
                    yield told.event

    async def take(self, within: float | None = None) -> Batch:
        """What happened since the last call; waits for it, and is empty after `within` seconds.

        Raises:
            FellBehindError: the listener was dropped.
            StreamOverError: the service ends.
            StoreBusyError: the records cannot be read now; the next call tries again.
        """
        while True:
            if self._over is not None:
                raise self._over
            taken = await self._catch_up() if self._behind else self._waiting()
            if taken:
                self.position = taken[-1].event.id
                return taken
            self._bell.clear()
            try:
                async with asyncio.timeout(within):
                    await self._bell.wait()
            except TimeoutError:
                return Batch()

    def when_over(self, call: Callable[[], None]) -> None:
        """Call it on the event loop when the listener is dropped or the service ends."""
        self._when_over = call

    def begin(self, position: int, *, behind: bool) -> None:
        """Start after this id; `behind`: others came after it that were not handed out here."""
        self.position = position
        self._behind = behind

    def offer(self, batch: Batch) -> None:
        """Hand over what has just been committed and is wanted here."""
        if not batch or self._over is not None:
            return
        if self._bytes > BACKLOG_BYTES:
            log.info("a listener fell behind after event %d and is dropped", self.position)
            self.end(FellBehindError("The reader of events fell behind and was dropped."))
            return
        self._queue.append(batch)
        self._bytes += batch.size
        self._bell.set()

    def end(self, why: SweepfrontError) -> None:
        """Have no more to hand over."""
        if self._over is None:
            self._over = why
            self._clear()
            self._bell.set()
            if self._when_over is not None:
                self._when_over()

    async def _catch_up(self) -> Batch:
        # What is handed over from here on was committed too late for a page that ends before it.
        self._clear()
        taken = await asyncio.to_thread(self._read, self.position)
        self._behind = len(taken) == PAGE
        return taken or self._waiting()

    def _waiting(self) -> Batch:
        batches = list(self._queue)
        self._clear()
        if len(batches) == 1 and batches[0][0].event.id > self.position:
            return batches[0]
        return Batch(told for batch in batches for told in batch if told.event.id > self.position)

    def _clear(self) -> None:
        self._queue.clear()
        self._bytes = 0
