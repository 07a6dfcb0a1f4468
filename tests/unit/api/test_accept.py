"""Which of two media types an Accept header prefers."""

import pytest

from app.api.accept import preferred

PAGE = "application/json"
STREAM = "text/event-stream"


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        ("", PAGE),
        ("*/*", PAGE),
        ("text/event-stream", STREAM),
        ("Text/Event-Stream", STREAM),
        ("text/event-stream;charset=utf-8", STREAM),
        ("text/*", STREAM),
        ("text/html", PAGE),
        ("application/json, text/event-stream", PAGE),
        ("text/event-stream, application/json", PAGE),
        ("text/event-stream, */*", STREAM),
        ("text/event-stream;q=0.9, application/json;q=0.8", STREAM),
        ("text/event-stream; q=0.8, application/json ; Q=0.9", PAGE),
        ("text/event-stream;q=0.5, */*;q=0.6", PAGE),
        ("*/*;q=0.6, text/event-stream;q=0.7", STREAM),
        ("application/*;q=0.9, text/event-stream;q=0.8", PAGE),
        ("text/event-stream;q=0", PAGE),
        ("text/event-stream;q=0, */*", PAGE),
        ("application/json;q=0, */*", STREAM),
        ("text/event-stream;q=much", PAGE),
        ("text/event-stream;q=nan, */*;q=0.1", PAGE),
        (",,;q=1,", PAGE),
    ],
)
def test_the_preferred_type(accept: str, answer: str) -> None:
    """By quality, then by how exactly it is named, then by the order of what is offered."""
    assert preferred(accept, (PAGE, STREAM)) == answer
