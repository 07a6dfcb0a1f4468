"""Streams: lines as they come, and Server-Sent Events without loss or doubles."""

import time
from collections.abc import Iterable, Iterator

import httpx

from sweepfront.connection import Connection
from sweepfront.errors import AnswerError
from sweepfront.shapes import Event
from sweepfront.waiting import AWAY, Patience

_KIND = "text/event-stream"
_SILENCE_SECONDS = 60.0
"""Heartbeats come more often; a stream that is silent for longer is broken."""
_PAUSE_SECONDS = 0.5


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


def messages(text: Iterable[str]) -> Iterator[str]:
    """The data of each message of an event stream; one that is cut off at its end is left out."""
    data: list[str] = []
    for line in text:
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data.clear()


def follow(connection: Connection, path: str, after: int) -> Iterator[Event]:
    """The events after that id, then each one as it happens; connected again when that breaks off.

    It ends when the service answers that there will be no more (204).

    Raises:
        AnswerError: what answers is no stream of events.
        SweepfrontError: the service refuses, or stays away for a minute.
    """
    patience = Patience()
    while True:
        try:
            with connection.stream(
                path,
                headers={"Accept": _KIND, "Last-Event-ID": str(after)},
                timeout=httpx.Timeout(_SILENCE_SECONDS),
            ) as answer:
                if answer.status_code == httpx.codes.NO_CONTENT:
                    return
                if not answer.headers.get("Content-Type", "").startswith(_KIND):
                    raise AnswerError(f"{connection.url}{path} is no stream of events")
                patience.heard()
                for data in messages(lines(answer.iter_bytes())):
                    event = connection.read(Event, data)
                    if event.id > after:
                        after = event.id
                        yield event
        except AWAY as error:
            patience.tried(error)
        time.sleep(_PAUSE_SECONDS)
