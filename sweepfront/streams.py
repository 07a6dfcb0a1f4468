"""Streams: lines as they come, and Server-Sent Events without loss or doubles."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import httpx

from sweepfront.connection import Connection
from sweepfront.errors import AnswerError
from sweepfront.shapes import Event
from sweepfront.waiting import AWAY, Patience

_KIND = "text/event-stream"
_SILENCE_SECONDS = 60.0
"""Heartbeats come more often; a stream that is silent for longer is broken."""
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Message:
    """A block of an event stream; one without data tells where the stream stands."""

    id: str | None
    data: str


def lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a text as its blocks arrive, without their ends.

    Only line feeds end a line, with or without a carriage return before them: what else Unicode
    counts as the end of a line may stand in the middle of a JSON value.
    """
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def messages(text: Iterable[str]) -> Iterator[Message]:
    """The messages of an event stream; one that is cut off at its end is left out."""
    number: str | None = None
    data: list[str] = []
    for line in text:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "id":
            number = value
        elif not line and (data or number is not None):
            yield Message(number, "\n".join(data))
            number, data = None, []


def follow(
    connection: Connection, path: str, after: int | None, types: Sequence[str]
) -> Iterator[Event]:
    """The events after that id, then each one as it happens; connected again when that breaks off.

    It ends when the service answers that there will be no more (204).

    Args:
        connection: to the service.
        path: where the events are.
        after: an id; None: what is new from now on.
        types: of the events that are wanted; empty: all.

    Raises:
        AnswerError: what answers is no stream of events.
        SweepfrontError: the service refuses, or stays away for a minute.
    """
    patience = Patience()
    while True:
        headers = {"Accept": _KIND} | ({} if after is None else {"Last-Event-ID": str(after)})
        try:
            with connection.stream(
                path, headers=headers, params={"types": types}, timeout=_SILENCE_SECONDS
            ) as answer:
                if answer.status_code == httpx.codes.NO_CONTENT:
                    return
                if not answer.headers.get("Content-Type", "").startswith(_KIND):
                    raise AnswerError(f"{connection.url}{path} is no stream of events")
                patience.heard()
                for message in messages(lines(answer.iter_bytes())):
                    if not message.data:
                        # Where the stream stands; that may be less than what was asked for.
                        after = connection.read(int, message.id)
                        continue
                    event = connection.read(Event, message.data)
                    if after is None or event.id > after:
                        after = event.id
                        yield event
        except AWAY as error:
            patience.tried(error)
        time.sleep(_PAUSE_SECONDS)
