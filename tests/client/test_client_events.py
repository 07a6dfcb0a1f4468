"""Followed events: no loss and no doubles, whatever becomes of the connection."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from sweepfront import FINISHED, AnswerError, Client, RefusedError, SweepHandle
from tests.client.conftest import quadratic
from tests.client.proxy import Proxy


class Script(ThreadingHTTPServer):
    """Answers each request with the next of its lines; an answer is a status and a stream's text.

    A stream breaks off at the end of its text; how often a real one does cannot be chosen.
    """

    daemon_threads = True

    def __init__(self, *answers: tuple[int, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.kind = "text/event-stream"
        self.resumed_after: list[str | None] = []


class _Handler(BaseHTTPRequestHandler):
    """Says its line."""

    def do_GET(self) -> None:
        script = cast("Script", self.server)
        script.resumed_after.append(self.headers.get("Last-Event-ID"))
        status, text = script.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Type", script.kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - of http.server
        """Say nothing."""


@contextlib.contextmanager
def _scripted(*answers: tuple[int, str]) -> Iterator[tuple[Client, Script]]:
    with Script(*answers) as script:
        thread = threading.Thread(target=script.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{script.server_port}") as client:
                yield client, script
        finally:
            script.shutdown()
            thread.join()


def _message(number: int) -> str:
    event = {
        "id": number,
        "type": "metric",
        "sweep": "s",
        "data": {"words": "one\u2028line", "value": "NaN"},
        "at": "2026-01-01T00:00:00Z",
        "of a newer service": 1,
    }
    text = json.dumps(event, ensure_ascii=False)
    return f"id: {number}\nevent: metric\ndata: {text}\n\n"


def test_a_stream_that_breaks_off_goes_on_after_the_last_event() -> None:
    """Half a message is not one; a service that is away for a moment is asked again."""
    with _scripted(
        (200, ": hello\n\n" + _message(4) + _message(7) + _message(9)[:-1]),
        (503, ""),
        (200, _message(7) + _message(9)),
        (204, ""),
    ) as (client, script):
        events = list(client.events(after=3, follow=True))
    assert [event.id for event in events] == [4, 7, 9]
    assert events[0].data["words"] == "one\u2028line"
    assert script.resumed_after == ["3", "7", "7", "9"]


def test_the_stream_says_where_it_stands() -> None:
    """Before the first event, so that nothing is missed; and when an id is of the future."""
    with _scripted((200, "id: 6\n\n"), (200, _message(7)), (204, "")) as (client, script):
        assert [event.id for event in client.events(follow=True)] == [7]
    assert script.resumed_after == [None, "6", "7"]
    with _scripted((200, "id: 6\n\n" + _message(7)), (204, "")) as (client, script):
        assert [event.id for event in client.events(after=900, follow=True)] == [7]


def test_a_sweep_is_followed_to_its_end_without_loss_or_doubles(
    client: Client, proxy: Proxy
) -> None:
    """Through a connection that breaks three times, in the middle of an event."""
    found = []
    with Client(proxy.url) as shaky:
        handle = shaky.submit(quadratic())
        for event in handle.events(follow=True):
            found.append(event)
            if len(found) in (2, 5, 8):
                proxy.cut = 100
            if event.type == "sweep.status" and event.data["status"] in FINISHED:
                break
    assert found == list(client.sweep(handle.name).events())[: len(found)]
    assert sum("/events" in path for _, path, _ in proxy.requests) > 1


def test_events_of_some_types_are_enough(finished: SweepHandle) -> None:
    """On pages and in a stream."""
    types = ["sweep.status", "sweep.best"]
    pages = list(finished.events(types=types))
    assert {event.type for event in pages} == set(types)
    stream = finished.events(types=types, follow=True)
    assert [next(stream) for _ in pages] == pages


def test_a_refusal_ends_the_stream() -> None:
    """It will be refused again."""
    with _scripted((404, "")) as (client, _), pytest.raises(RefusedError, match="404"):
        next(client.events(follow=True))


def test_what_is_no_stream_is_said_so() -> None:
    """Such as a proxy's page in its place."""
    with _scripted((200, "{}")) as (client, script):
        script.kind = "application/json"
        with pytest.raises(AnswerError, match="is no stream of events"):
            next(client.events(follow=True))
