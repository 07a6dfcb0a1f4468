"""Events as Server-Sent Events: a stream of blocks of text that stays open."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from app.api.shapes import EventShape
from app.services.broadcast import Broadcast
from app.services.stream import FellBehindError, Stream, StreamOverError
from app.sweep.errors import StoreBusyError
from app.sweep.event_types import EventType
from app.sweep.record import Event

HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 2000
"""How long a browser waits before it connects again."""
GRACE_SECONDS = 1.0
"""How long a stream that is over has to end properly, which a reader that does not read prevents."""
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Vary": "Accept"}


def encode(event: Event) -> bytes:
    """The block of an event: its id and type, and the same JSON as on a page of events."""
    data = EventShape.of(event).model_dump_json()
    return format_sse_event(data_str=data, event=event.type, id=str(event.id))


class EventStream(EventSourceResponse):
    """An answer that goes on until its reader leaves, falls behind, or the service ends.

    It begins with a block without data whose id is where the stream starts, so that a reader that
    is cut off before the first event comes back to the same place.
    """

    def __init__(
        self,
        broadcast: Broadcast,
        *,
        sweep: str | None = None,
        types: Collection[EventType] | None = None,
        projects: frozenset[str] | None = None,
        after: int | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        """Describe the stream, as `Broadcast.subscribe` has it.

        Args:
            broadcast: where the events come from.
            sweep: the name of the only sweep that is wanted.
            types: of the events that are wanted.
            projects: the only ones of whose events the reader may know; None: all.
            after: the id to begin after; None: what is new from now on.
            heartbeat: seconds without events until a comment shows that the stream is alive.
        """
        super().__init__((), headers=_HEADERS)
        self._broadcast = broadcast
        self._sweep = sweep
        self._types = types
        self._projects = projects
        self._after = after
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end; the database's trouble before the first block is raised."""
        clock = asyncio.get_running_loop().time
        subscription = self._broadcast.subscribe(
            self._sweep, types=self._types, projects=self._projects, after=self._after
        )
        with suppress(TimeoutError):
            async with subscription as stream, asyncio.timeout(None) as patience:
                stream.when_over(lambda: patience.reschedule(clock() + GRACE_SECONDS))
                self.body_iterator = self._blocks(stream)
                await super().__call__(scope, receive, send)

    async def _blocks(self, stream: Stream) -> AsyncIterator[bytes]:
        yield format_sse_event(id=str(stream.position), retry=RETRY_MILLISECONDS)
        while True:
            try:
                told = await stream.take(self._heartbeat)
            except (StreamOverError, FellBehindError, StoreBusyError):
                # The reader comes back, and goes on where this ends.
                return
            for piece in told.pieces or (KEEPALIVE_COMMENT,):
                yield piece
