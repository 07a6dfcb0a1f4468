"""/v1/events: what happened, in the order in which it was committed; pages, or a stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BeforeValidator

from app.api.accept import preferred
from app.api.event_examples import EVENTS
from app.api.event_shapes import EventPage
from app.api.parameters import Limit, SweepName
from app.api.shapes import EventShape, PageOf
from app.api.sse import EventStream, encode
from app.api.state import Parts
from app.parts import State
from app.store import events, sweeps
from app.sweep.event_types import EventType
from app.sweep.record import Event

_OFFERS = ("application/json", EventStream.media_type)
_MAX_ID = 2**63 - 1
_STREAM: dict[str, Any] = {
    "schema": {
        "type": "string",
        "description": "Server-Sent Events, without end: `event` is an event's type, `id` its id, "
        "`data` the same JSON as in `items` of a page. Blocks without data and comments only keep "
        "the connection.",
    },
    "example": "".join(encode(Event(**event)).decode() for event in EVENTS[:3]),
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": EventPage,
        "description": "A page; a stream where the Accept header prefers text/event-stream.",
        "content": {
            "application/json": {"example": {"items": EVENTS, "next_cursor": None}},
            EventStream.media_type: _STREAM,
        },
    }
}

router = APIRouter(prefix="/v1", tags=["events"])


def _split(values: object) -> object:
    """The words of lists such as `a,b`, of one parameter or of several."""
    if not isinstance(values, list):
        return values
    return [word.strip() for value in values for word in str(value).split(",")]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a request asks for; `after` None: what is new from now on, for a stream."""

    stream: bool
    after: int | None
    types: Sequence[EventType] | None


async def _wanted(
    request: Request,
    after: Annotated[
        int | None,
        Query(
            ge=0,
            le=_MAX_ID,
            description="Events after this id; 0: from the beginning. Without it a page begins at "
            "the beginning, a stream tells what is new from now on.",
        ),
    ] = None,
    types: Annotated[
        list[EventType] | None,
        BeforeValidator(_split),
        Query(description="Events of these types only: a list with commas, or several `types`."),
    ] = None,
    last_event_id: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID",
            ge=0,
            le=_MAX_ID,
            description="A stream goes on after this id, whatever `after` says; browsers send it "
            "when they connect again.",
        ),
    ] = None,
) -> _Wanted:
    accept = ",".join(request.headers.getlist("accept"))
    stream = preferred(accept, _OFFERS) == EventStream.media_type
    if stream and last_event_id is not None:
        after = last_event_id
    return _Wanted(stream, after, types)


Wanted = Annotated[_Wanted, Depends(_wanted)]


@router.get("/events", operation_id="list_events", response_model=None, responses=_ANSWERS)
def list_events(
    parts: Parts, wanted: Wanted, response: Response, limit: Limit = 50
) -> PageOf[EventShape] | EventStream:
    """List events of all sweeps, oldest first, or follow them (`Accept: text/event-stream`)."""
    return _answer(parts, None, wanted, limit, response)


@router.get(
    "/sweeps/{name}/events",
    operation_id="list_sweep_events",
    response_model=None,
    responses=_ANSWERS,
)
def list_sweep_events(
    name: SweepName, parts: Parts, wanted: Wanted, response: Response, limit: Limit = 50
) -> PageOf[EventShape] | EventStream:
    """List a sweep's events, oldest first, or follow them (`Accept: text/event-stream`)."""
    sweeps.get(parts.db, name)
    return _answer(parts, name, wanted, limit, response)


def _answer(
    parts: State, sweep: str | None, wanted: _Wanted, limit: int, response: Response
) -> PageOf[EventShape] | EventStream:
    if wanted.stream:
        return EventStream(
            parts.broadcast,
            sweep=sweep,
            types=wanted.types,
            projects=parts.caller.projects,
            after=wanted.after,
        )
    found = events.page(
        parts.db, sweep=sweep, types=wanted.types, after=wanted.after or 0, limit=limit
    )
    response.headers["Vary"] = "Accept"
    following = str(found[-1].id) if len(found) == limit else None
    return PageOf(items=[EventShape.of(event) for event in found], next_cursor=following)
