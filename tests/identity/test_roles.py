"""Every call takes a role, and what belongs to another project is not there."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.identity.conftest import Guarded, small

OPEN = {"/healthz", "/readyz", "/v1/problems/{kind}"}
OPERATORS = {
    ("post", "/v1/sweeps"),
    ("post", "/v1/sweeps/{name}/cancel"),
    ("post", "/v1/sweeps/{name}/resume"),
    ("post", "/v1/sweeps/{name}/trials/{number}/cancel"),
    ("post", "/v1/sweeps/{name}/trials/{number}/retry"),
    ("post", "/v1/code"),
    ("post", "/v1/embed-tokens"),
    ("post", "/v1/webhooks"),
    ("get", "/v1/webhooks"),
    ("get", "/v1/webhooks/{webhook}"),
    ("patch", "/v1/webhooks/{webhook}"),
    ("delete", "/v1/webhooks/{webhook}"),
    ("post", "/v1/webhooks/{webhook}/rotate-secret"),
    ("post", "/v1/webhooks/{webhook}/test"),
    ("get", "/v1/webhooks/{webhook}/deliveries"),
    ("get", "/v1/webhooks/{webhook}/deliveries/{delivery}"),
    ("post", "/v1/webhooks/{webhook}/deliveries/{delivery}/retry"),
}
REGISTRARS = {
    ("delete", "/v1/sweeps/{name}"),
    ("post", "/v1/sweeps/{name}/register"),
    ("get", "/v1/audit"),
    ("get", "/v1/audit/export"),
}
"""All others are for readers."""
BODIES: dict[str, Any] = {
    "/v1/sweeps": small(tags={"project": "vision"}),
    "/v1/sweeps/preview": small(),
    "/v1/sweeps/{name}/replay": {
        "early_termination": {"type": "median_stopping", "evaluation_interval": 1}
    },
    "/v1/webhooks": {"url": "http://127.0.0.1:9/", "project": "vision"},
    "/v1/webhooks/{webhook}": {"description": "other"},
}


@pytest.fixture(scope="module")
def vision(guarded: Guarded) -> dict[str, str]:
    """What paths may name of a finished sweep of the project vision, with a model and a webhook."""
    name = guarded.submit("vision-ci", name="of-vision")["name"]
    assert guarded.finished(name)["status"] == "completed"
    answer = guarded["vision-registrar"].post(f"/v1/sweeps/{name}/register", json={})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    hook = guarded["vision-ci"].post("/v1/webhooks", json={"url": "http://127.0.0.1:9/"})
    assert hook.status_code == httpx.codes.CREATED, hook.text
    assert hook.json()["project"] == "vision"
    number = str(hook.json()["id"])
    told = guarded["vision-ci"].post(f"/v1/webhooks/{number}/test")
    return {
        "name": name,
        "number": "0",
        "path": "outputs/model.pkl",
        "view": "history",
        "model": "final_model",
        "version": "1",
        "webhook": number,
        "delivery": str(told.json()["id"]),
        "kind": "not-found",
    }


def operations(guarded: Guarded) -> Iterator[tuple[str, str]]:
    """Every operation of the API, as its own description lists them."""
    paths = guarded.service.client.get("/openapi.json").json()["paths"]
    for path, item in paths.items():
        for method in item:
            yield method, path


def call(client: httpx.Client, method: str, path: str, names: dict[str, str]) -> httpx.Response:
    """Call an operation about these things."""
    options: dict[str, Any] = {}
    if method in ("post", "patch"):
        options["json"] = BODIES.get(path, {})
    if path == "/v1/embed-tokens":
        options["json"] = {"sweep": names["name"]}
    return client.request(method, path.format(**names), **options)


def test_nothing_of_the_api_answers_those_who_do_not_say_who_they_are(
    guarded: Guarded, vision: dict[str, str]
) -> None:
    """Nothing of the api answers those who do not say who they are."""
    with guarded.client() as nobody:
        for method, path in operations(guarded):
            answer = call(nobody, method, path, vision)
            expected = httpx.codes.OK if path in OPEN else httpx.codes.UNAUTHORIZED
            assert answer.status_code == expected, (method, path)
            if expected != httpx.codes.OK:
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert answer.json()["type"] == "/v1/problems/unauthenticated"
                assert "of-vision" not in answer.json()["detail"]


@pytest.mark.parametrize(("caller", "refused"), [("vision-reader", OPERATORS | REGISTRARS)])
def test_a_reader_changes_nothing(
    guarded: Guarded, vision: dict[str, str], caller: str, refused: set[tuple[str, str]]
) -> None:
    """A reader changes nothing."""
    known = set(operations(guarded))
    assert refused <= known
    for method, path in sorted(known):
        answer = call(guarded[caller], method, path, vision)
        if (method, path) in refused:
            assert answer.status_code == httpx.codes.FORBIDDEN, (method, path, answer.text)
            assert "role" in answer.json()["detail"]
        else:
            assert answer.is_success, (method, path, answer.text)


def test_an_operator_neither_registers_nor_deletes(
    guarded: Guarded, vision: dict[str, str]
) -> None:
    """An operator neither registers nor deletes."""
    for method, path in sorted(REGISTRARS):
        answer = call(guarded["vision-ci"], method, path, vision)
        assert answer.status_code == httpx.codes.FORBIDDEN, (method, path, answer.text)


def test_what_belongs_to_another_project_is_not_there(
    guarded: Guarded, vision: dict[str, str]
) -> None:
    """A registrar of another project: every call that names something of this one."""
    stranger = guarded["nlp-ci"]
    for method, path in operations(guarded):
        if "{" in path and path not in OPEN:
            answer = call(stranger, method, path, vision)
            assert answer.status_code == httpx.codes.NOT_FOUND, (method, path, answer.text)
    answer = call(stranger, "post", "/v1/embed-tokens", vision)
    assert answer.status_code == httpx.codes.NOT_FOUND
    for path in ("/v1/sweeps", "/v1/models", "/v1/webhooks", "/v1/audit", "/v1/events"):
        assert stranger.get(path).json() == {"items": [], "next_cursor": None}, path
    assert stranger.get("/v1/audit/export").content == b""
    assert guarded["guest"].get("/v1/sweeps").json()["items"]


def test_a_name_and_a_key_tell_nothing_of_another_project(
    guarded: Guarded, vision: dict[str, str]
) -> None:
    """A name and a key tell nothing of another project."""
    headers = {"Idempotency-Key": "monday"}
    ours = guarded["vision-ci"].post("/v1/sweeps", json=small(), headers=headers)
    theirs = guarded["nlp-ci"].post("/v1/sweeps", json=small(), headers=headers)
    assert ours.status_code == theirs.status_code == httpx.codes.ACCEPTED
    assert ours.json()["name"] != theirs.json()["name"]
    again = guarded["vision-ci"].post("/v1/sweeps", json=small(), headers=headers)
    assert (again.status_code, again.json()["name"]) == (httpx.codes.OK, ours.json()["name"])
    same = small(name=vision["name"])
    taken = guarded["nlp-ci"].post("/v1/sweeps", json=same)
    assert taken.status_code == httpx.codes.CONFLICT
    assert taken.json()["detail"] == "The name 'of-vision' is taken; choose another name."
    assert guarded["vision-ci"].post("/v1/sweeps", json=same).status_code == httpx.codes.OK


def test_a_project_is_filled_in_or_asked_for(guarded: Guarded) -> None:
    """A project is filled in or asked for."""
    mine = guarded.submit("vision-ci")
    assert (mine["tags"], mine["created_by"]) == ({"project": "vision"}, "vision-ci")
    asked = guarded["both"].post("/v1/sweeps", json=small())
    assert asked.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert asked.json()["errors"] == [
        {"pointer": "/tags/project", "message": "name the project, one of: nlp, vision"}
    ]
    other = guarded["vision-ci"].post("/v1/sweeps", json=small(tags={"project": "nlp"}))
    assert other.status_code == httpx.codes.FORBIDDEN
    free = guarded.submit("chief")
    assert free["tags"] == {}
    assert guarded["vision-ci"].get(f"/v1/sweeps/{free['name']}").status_code == 404
    assert guarded["guest"].get(f"/v1/sweeps/{free['name']}").status_code == httpx.codes.OK
    found = guarded["guest"].get("/v1/sweeps", params={"created_by": "chief"}).json()["items"]
    assert [sweep["name"] for sweep in found] == [free["name"]]


def test_streams_and_pages_of_events_tell_only_of_ones_own(guarded: Guarded) -> None:
    """Streams and pages of events tell only of ones own."""
    with guarded["nlp-ci"].stream(
        "GET", "/v1/events", headers={"Accept": "text/event-stream"}
    ) as stream:
        lines = stream.iter_lines()
        next(lines)
        theirs = guarded.submit("vision-ci", name="unseen")["name"]
        mine = guarded.submit("nlp-ci", name="seen")["name"]
        told: list[str] = []
        while not any(f'"{mine}"' in line for line in told):
            told.append(next(lines))
    assert not any(theirs in line for line in told)
    refused = guarded["nlp-ci"].get(f"/v1/sweeps/{theirs}/events")
    assert refused.status_code == httpx.codes.NOT_FOUND
    events = guarded["nlp-ci"].get("/v1/events", params={"limit": 200}).json()["items"]
    assert {event["sweep"] for event in events} >= {mine}
    assert not {event["sweep"] for event in events} & {theirs, "of-vision"}


def test_a_models_versions_are_those_of_ones_projects(
    guarded: Guarded, vision: dict[str, str]
) -> None:
    """A models versions are those of ones projects."""
    name = guarded.submit("nlp-ci", name="model-of-nlp")["name"]
    guarded.finished(name)
    gate = {"gate": {"min_improvement": 100.0}}
    made = guarded["nlp-ci"].post(f"/v1/sweeps/{name}/register", json=gate)
    assert made.status_code == httpx.codes.CREATED, "a gate does not compare with what is not seen"
    number = made.json()["version"]
    assert number > int(vision["version"])
    mine = guarded["nlp-ci"].get("/v1/models/final_model").json()["items"]
    assert [version["version"] for version in mine] == [number]
    (model,) = guarded["nlp-ci"].get("/v1/models").json()["items"]
    assert model["versions"] == 1
    assert guarded["vision-reader"].get("/v1/models/final_model/versions/1").status_code == 200


def test_quotas_answer_429_with_what_is_used(guarded: Guarded) -> None:
    """Quotas answer 429 with what is used."""
    answer = guarded["chief"].post("/v1/sweeps", json=small(tags={"project": "small"}))
    assert answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    assert int(answer.headers["Retry-After"]) >= 1
    body = answer.json()
    assert body["type"] == "/v1/problems/quota-exceeded"
    assert body["facts"] == {"quota": "active_sweeps", "limit": 0, "used": 0, "wanted": 1}
    assert "'small'" in body["detail"]
