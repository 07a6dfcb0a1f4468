"""Streams of events beside their pages: what arrives, when, and what is refused."""

import json
import re
from datetime import datetime
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from app.api.event_examples import EVENTS
from app.api.event_shapes import AnyEvent
from app.sweep.event_types import EVENT_TYPES
from tests.event_reader import STREAM, EventReader
from tests.served import ROOT, Json, Served, document, slow_sweep

DOCS = ROOT / "docs" / "events.md"
LATE_SECONDS = 5.0
"""Far more than it takes, for machines that are busy."""


def ended(events: list[Json]) -> bool:
    """The sweep has."""
    return any(e["type"] == "sweep.status" and e["data"]["status"] == "completed" for e in events)


def test_a_stream_tells_what_the_pages_tell_as_it_happens(service: Served) -> None:
    """Of one sweep and of all; each event soon after the trial logged what it tells."""
    everything = EventReader(service.port)
    name = service.submit(slow_sweep(2, 6, 0.1))["name"]
    one = EventReader(service.port, f"/v1/sweeps/{name}/events", after=0)
    one.until(ended)
    pages = service.items(f"/v1/sweeps/{name}/events?limit=7", following="after")
    assert one.events == pages
    everything.until(ended)
    assert [event for event in everything.events if event["sweep"] == name] == pages
    delays = [
        arrived - datetime.fromisoformat(report["recorded_at"]).timestamp()
        for event, arrived in zip(one.events, one.arrived, strict=True)
        if event["type"] == "trial.metric"
        for report in event["data"]["reports"]
    ]
    assert len(delays) == 12
    assert max(delays) < LATE_SECONDS
    assert one.headers["content-type"].startswith("text/event-stream")
    assert one.headers["cache-control"] == "no-cache"
    assert one.headers["x-accel-buffering"] == "no"
    assert one.headers["vary"] == "Accept"
    for reader in (one, everything):
        assert reader.clean is None
        reader.close()


def test_every_event_is_as_described(service: Served, finished: str) -> None:
    """What sweeps of many kinds have left here, and the examples of the description."""
    service.client.post(f"/v1/sweeps/{finished}/register")
    shape: TypeAdapter[Any] = TypeAdapter(AnyEvent)
    told = [*service.items("/v1/events?limit=200", following="after"), *EVENTS]
    for event in told:
        described = shape.validate_python(event)
        assert set(described.data.model_dump()) == set(event["data"])
    assert {event["type"] for event in EVENTS} == set(EVENT_TYPES)
    description = service.get("/openapi.json")
    answers = description["paths"]["/v1/events"]["get"]["responses"]["200"]["content"]
    assert set(answers) == {"application/json", "text/event-stream"}
    items = description["components"]["schemas"]["EventPage"]["properties"]["items"]["items"]
    assert set(items["discriminator"]["mapping"]) == set(EVENT_TYPES)
    table = re.findall(r"^\| `(\w+\.\w+)` \|.*\|(.*)\|$", DOCS.read_text(), re.MULTILINE)
    keys = {kind: set(re.findall(r"`(\w+)`", cell)) for kind, cell in table}
    assert set(keys) == set(EVENT_TYPES)
    assert all(set(event["data"]) <= keys[event["type"]] for event in EVENTS)


def test_a_stream_begins_where_it_is_told_to(service: Served, finished: str) -> None:
    """Now, at the beginning, after an id, or after what the reader has seen."""
    path = f"/v1/sweeps/{finished}/events"
    ids = [event["id"] for event in service.items(path, following="after")]
    newest = service.items("/v1/events?limit=200", following="after")[-1]["id"]
    now = EventReader(service.port, path)
    middle = EventReader(service.port, path, after=ids[2])
    beyond = EventReader(service.port, path, after=newest + 1000)
    middle.until(lambda events: len(events) == len(ids) - 3)
    assert middle.ids == ids[3:]
    middle.close()
    middle.connect(service.port)  # with after=... still in its address
    assert middle.begins == [ids[2], ids[-1]]
    version = service.client.post(f"/v1/sweeps/{finished}/register", json={"model_name": "again"})
    assert version.status_code == 201
    for reader in (now, middle, beyond):
        reader.until(lambda events: bool(events) and events[-1]["type"] == "model.registered")
    assert len(now.events) == len(beyond.events) == 1
    assert now.begins[0] >= newest
    assert beyond.begins[0] < newest + 1000
    for reader in (now, middle, beyond):
        reader.close()


def test_types_are_chosen_on_pages_and_streams(service: Served, finished: str) -> None:
    """With commas, or one by one."""
    path = f"/v1/sweeps/{finished}/events"
    wanted = {"sweep.status", "sweep.best"}
    everything = service.items(path, following="after")
    chosen = [event for event in everything if event["type"] in wanted]
    assert 3 < len(chosen) < len(everything)
    both = "types=sweep.status,sweep.best"
    assert service.items(f"{path}?{both}&limit=2", following="after") == chosen
    assert service.get(f"{path}?types=sweep.status&types=sweep.best")["items"] == chosen
    reader = EventReader(service.port, path, types="sweep.status, sweep.best", after=0)
    reader.until(lambda events: len(events) == len(chosen))
    assert reader.events == chosen
    reader.close()


@pytest.mark.parametrize(
    ("query", "headers", "status", "words"),
    [
        ("?types=trial.metrics", {}, 422, "trial.metric"),
        ("?types=", {}, 422, "sweep.status"),
        ("?after=-1", {}, 422, "/after"),
        ("?after=now", {}, 422, "/after"),
        ("", {"Last-Event-ID": "last"}, 422, "/Last-Event-ID"),
        ("", {"Last-Event-ID": "-7"}, 422, "/Last-Event-ID"),
        ("", {"Last-Event-ID": str(2**63)}, 422, "/Last-Event-ID"),
    ],
)
def test_a_stream_that_makes_no_sense_is_refused(
    service: Served, query: str, headers: dict[str, str], status: int, words: str
) -> None:
    """As a problem that names the parameter and what it may be."""
    answer = service.client.get(f"/v1/events{query}", headers={**STREAM, **headers})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.text


def test_there_is_no_stream_of_an_unknown_sweep(service: Served) -> None:
    """A page of it there is not, either."""
    answer = service.client.get("/v1/sweeps/none/events", headers=STREAM)
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "text/*;q=0.5,*/*"])
def test_others_get_pages(service: Served, accept: str) -> None:
    """Only who prefers a stream gets one; caches are told."""
    answer = service.client.get("/v1/events?limit=1", headers={"Accept": accept})
    assert json.loads(answer.text)["items"]
    assert answer.headers["vary"] == "Accept"


def test_a_stream_outlives_its_sweep(service: Served) -> None:
    """Its end is an event like others; so is the end of its records."""
    body = document("python fast.py", {"x": {"type": "choice", "values": [1]}}, code="job")
    name = service.submit({**body, "limits": {"max_total_trials": 1}})["name"]
    reader = EventReader(service.port, f"/v1/sweeps/{name}/events", after=0)
    reader.until(ended)
    assert service.client.delete(f"/v1/sweeps/{name}?purge=true").status_code == 204
    reader.until(lambda events: events[-1]["type"] == "sweep.purged")
    assert reader.clean is None
    reports = [
        report["interval"]
        for event in reader.events
        if event["type"] == "trial.metric"
        for report in event["data"]["reports"]
    ]
    assert reports == list(range(1, 1001))
    reader.close()
