"""CORS: what a browser needs to hear before it lets pages of another origin read an answer."""

from collections.abc import Iterator

import httpx
import pytest

from tests.event_reader import STREAM
from tests.served import Served, served
from tests.unreadable import unreadable_event

BOARD = "https://board.example.com"
ALLOWED = "access-control-allow-origin"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that lets the pages of two origins in."""
    data = tmp_path_factory.mktemp("cors") / "data"
    origins = {"SWEEPFRONT_CORS_ORIGINS": f"{BOARD}, http://localhost:3000"}
    with served(data, environment=origins) as running:
        yield running


def ask(service: Served, path: str, origin: str = BOARD) -> httpx.Response:
    """As a page of that origin."""
    return service.client.get(path, headers={"Origin": origin})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/sweeps", 200),
        ("/v1/sweeps?limit=0", 422),
        ("/v1/sweeps/none", 404),
        ("/v1/nothing", 404),
        ("/v1/code", 405),
    ],
)
def test_answers_and_problems_may_be_read(opened: Served, path: str, status: int) -> None:
    """By pages of the origins in the settings, with the headers that say more."""
    answer = ask(opened, path)
    assert answer.status_code == status
    assert answer.headers[ALLOWED] == BOARD
    assert "Origin" in answer.headers["vary"]
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Location", "Retry-After", "X-Request-ID"} <= set(exposed)
    assert ask(opened, path, "http://localhost:3000").headers[ALLOWED] == "http://localhost:3000"


def test_the_answer_to_a_fault_may_be_read(opened: Served) -> None:
    """A page can show the request id, by which the log is searched."""
    with unreadable_event(opened) as path:
        answer = ask(opened, path)
    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    assert answer.headers[ALLOWED] == BOARD
    assert answer.json()["request_id"]


def test_a_stream_may_be_read(opened: Served) -> None:
    """With what it varies by."""
    headers = {**STREAM, "Origin": BOARD, "Last-Event-ID": "0"}
    with opened.client.stream("GET", "/v1/events", headers=headers) as answer:
        assert answer.status_code == httpx.codes.OK
        assert answer.headers[ALLOWED] == BOARD
        assert answer.headers["vary"] == "Accept, Origin"
        assert next(answer.iter_lines()).startswith("id: ")


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_browser_that_asks_first_is_let_in(opened: Served, method: str) -> None:
    """With the headers of our API."""
    wishes = {
        "Origin": BOARD,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type, idempotency-key, last-event-id",
    }
    answer = opened.client.options("/v1/sweeps", headers=wishes)
    assert answer.status_code == httpx.codes.OK
    assert answer.headers[ALLOWED] == BOARD
    assert method in answer.headers["access-control-allow-methods"]


def test_others_are_not_let_in(opened: Served, service: Served) -> None:
    """Other origins, other paths, and everybody where the settings name no origin."""
    asks = {"Access-Control-Request-Method": "POST"}
    other = {"Origin": "https://board.example.com.evil.example"}
    refused = opened.client.options("/v1/sweeps", headers={**asks, **other})
    assert refused.status_code == httpx.codes.BAD_REQUEST
    unset = service.client.options("/v1/sweeps", headers={**asks, "Origin": BOARD})
    for answer in (
        refused,
        unset,
        ask(opened, "/v1/sweeps", other["Origin"]),
        ask(opened, "/v1/sweeps", "null"),
        ask(opened, "/healthz"),
        ask(opened, "/openapi.json"),
        ask(opened, "/dashboard/"),
        ask(service, "/v1/sweeps"),
    ):
        assert ALLOWED not in answer.headers
