"""Events as Server-Sent Events: one block of text for each."""

from fastapi.sse import format_sse_event

from app.api.shapes import EventShape
from app.sweep.record import Event


def encode(event: Event) -> bytes:
    """The block of an event: its id and type, and the same JSON as on a page of events."""
    data = EventShape.of(event).model_dump_json()
    return format_sse_event(data_str=data, event=event.type, id=str(event.id))
