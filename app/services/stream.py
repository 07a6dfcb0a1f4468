"""One listener's share of the broadcast: the events that it asked for, in order, each once."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.sweep.errors import SweepfrontError
from app.sweep.event_types import EventType
from app.sweep.record import Event

PAGE = 500
"""Events that are read from the records at once."""
BACKLOG_BYTES = 4 * 1024 * 1024
"""A listener for which more than this waits, encoded, is dropped."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """An event with the bytes by which it is sent on."""

    event: Event
    encoded: bytes


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
        position: all events up to this id were taken, or were not asked for.
    """

    def __init__(
        self,
        sweep: str | None,
        types: Collection[EventType] | None,
        read: Callable[[int], Sequence[Told]],
    ) -> None:
        self.position = 0
        self._sweep = sweep
        self._types = types
        self._read = read
        self._behind = False
        self._queue: deque[Told] = deque()
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

    async def take(self, within: float | None = None) -> Sequence[Told]:
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
                return ()

    def when_over(self, call: Callable[[], None]) -> None:
        """Call it on the event loop when the listener is dropped or the service ends."""
        self._when_over = call

    def begin(self, position: int, *, behind: bool) -> None:
        """Start after this id; `behind`: others came after it that were not handed out here."""
        self.position = position
        self._behind = behind

    def offer(self, batch: Sequence[Told]) -> None:
        """Hand over what has just been committed."""
        wanted = [told for told in batch if self._wants(told.event)]
        if not wanted or self._over is not None:
            return
        if self._bytes > BACKLOG_BYTES:
            log.info("a listener fell behind after event %d and is dropped", self.position)
            self.end(FellBehindError("The reader of events fell behind and was dropped."))
            return
        self._queue.extend(wanted)
        self._bytes += sum(len(told.encoded) for told in wanted)
        self._bell.set()

    def end(self, why: SweepfrontError) -> None:
        """Have no more to hand over."""
        if self._over is None:
            self._over = why
            self._clear()
            self._bell.set()
            if self._when_over is not None:
                self._when_over()

    async def _catch_up(self) -> Sequence[Told]:
        # What is handed over from here on was committed too late for a page that ends before it.
        self._clear()
        taken = await asyncio.to_thread(self._read, self.position)
        self._behind = len(taken) == PAGE
        return taken or self._waiting()

    def _waiting(self) -> Sequence[Told]:
        taken = [told for told in self._queue if told.event.id > self.position]
        self._clear()
        return taken

    def _clear(self) -> None:
        self._queue.clear()
        self._bytes = 0

    def _wants(self, event: Event) -> bool:
        return (self._sweep is None or event.sweep == self._sweep) and (
            self._types is None or event.type in self._types
        )
