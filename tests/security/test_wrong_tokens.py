"""What is a secret in one place is none in another; bodies say nothing of what is not theirs."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.identity.conftest import Guarded, entries, settings_of, small
from tests.served import Json, Served, served

UNAUTHORIZED = httpx.codes.UNAUTHORIZED


@pytest.fixture(scope="module")
def secrets(guarded: Guarded) -> dict[str, str]:
    """One of each kind that the service gives out, all good for what they are."""
    guarded.submit("chief", name="confused", tags={"project": "confused"})
    assert guarded.finished("confused")["status"] == "completed"
    made = guarded["chief"].post("/v1/embed-tokens", json={"sweep": "confused"})
    hook = guarded["chief"].post(
        "/v1/webhooks", json={"url": "http://127.0.0.1:9/", "project": "confused"}
    )
    with guarded.client() as browser:
        browser.post("/sign-in/", data={"key": guarded.keys["chief"]})
        session = browser.cookies["sweepfront_session"]
    return {
        "session": session,
        "embed token": made.json()["token"],
        "webhook secret": hook.json()["secret"],
        "part of a key": guarded.keys["chief"].split("_", 2)[2],
        "id of a key": "_".join(guarded.keys["chief"].split("_", 2)[:2]),
        "idempotency key": "monday",
    }


def _ways(secret: str) -> Iterator[dict[str, dict[str, str]]]:
    """Everywhere that somebody could put a secret."""
    for header in (
        {"Authorization": f"Bearer {secret}"},
        {"Authorization": f"Basic {secret}"},
        {"Authorization": secret},
        {"X-API-Key": secret},
        {"Cookie": f"sweepfront_sign_in={secret}"},
        {"Cookie": f"session={secret}"},
        {"Cookie": f"token={secret}"},
        {"X-Auth-Token": secret},
        {"Proxy-Authorization": f"Bearer {secret}"},
        {"X-Forwarded-User": "chief"},
        {"X-MS-CLIENT-PRINCIPAL-NAME": "chief"},
    ):
        yield {"headers": header}
    for name in ("token", "api_key", "key", "access_token", "session", "X-API-Key"):
        yield {"params": {name: secret}}


def test_no_secret_is_good_for_anything_else(guarded: Guarded, secrets: dict[str, str]) -> None:
    """Sessions, links, secrets of webhooks and parts of keys, in every place for another kind."""
    tried = 0
    for kind, secret in secrets.items():
        cookie = (
            [] if kind == "session" else [{"headers": {"Cookie": f"sweepfront_session={secret}"}}]
        )
        for way in (*_ways(secret), *cookie):
            with guarded.client() as stranger:
                options: Any = way
                assert stranger.get("/v1/me", **options).status_code == UNAUTHORIZED, (kind, way)
            tried += 1
    assert tried > 90


def test_a_key_is_good_in_its_headers_only(guarded: Guarded) -> None:
    """Not in a query, which is logged, nor as a cookie, which any page has a browser send."""
    key = guarded.keys["chief"]
    for way in _ways(key):
        headers = way.get("headers", {})
        good = headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key})
        with guarded.client() as stranger:
            options: Any = way
            answer = stranger.get("/v1/me", **options)
            assert answer.status_code == (httpx.codes.OK if good else UNAUTHORIZED), way
    with guarded.client() as stranger:
        answer = stranger.get("/embed/confused/history", params={"token": key})
        assert answer.status_code == httpx.codes.FORBIDDEN


def test_a_session_or_a_key_shows_no_frame(guarded: Guarded, secrets: dict[str, str]) -> None:
    """And a link shows its sweep only; where a link counts, nothing else does."""
    with guarded.client() as stranger:
        for kind, secret in secrets.items():
            answer = stranger.get("/embed/confused/history", params={"token": secret})
            wanted = httpx.codes.OK if kind == "embed token" else httpx.codes.FORBIDDEN
            assert answer.status_code == wanted, kind
        token = secrets["embed token"]
        for path in ("/dashboard/sweeps/confused", "/v1/sweeps/confused"):
            answer = stranger.get(path, params={"token": token})
            assert answer.status_code in (UNAUTHORIZED, httpx.codes.SEE_OTHER), path


def test_two_credentials_do_not_add_up(guarded: Guarded, secrets: dict[str, str]) -> None:
    """The key counts when there is one, and a wrong one is refused whatever comes with it."""
    reader, chief = guarded.keys["vision-reader"], guarded.keys["chief"]
    both = {"X-API-Key": reader, "Authorization": f"Bearer {chief}"}
    with guarded.client(**both) as caller:
        assert caller.get("/v1/me").json()["name"] == "vision-reader"
    cookie = f"sweepfront_session={secrets['session']}"
    with guarded.client(**{"X-API-Key": reader, "Cookie": cookie}) as caller:
        assert caller.get("/v1/me").json()["name"] == "vision-reader"
    for wrong in ({"X-API-Key": "sf_x_y"}, {"Authorization": "Bearer x"}):
        with guarded.client(**wrong, Cookie=cookie) as caller:
            assert caller.get("/v1/me").status_code == UNAUTHORIZED


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory, scripts: Path) -> Iterator[Guarded]:
    """Another service with keys of its own, of the same names."""
    keys, found = entries({"chief": {"*": "registrar"}})
    folder = tmp_path_factory.mktemp("neighbour") / "data"
    with served(folder, code_root=scripts, environment=settings_of(found)) as service:
        other = Guarded(service, keys)
        yield other
        other.close()


def test_what_another_service_gave_out_is_nothing_here(
    guarded: Guarded, neighbour: Guarded, secrets: dict[str, str]
) -> None:
    """Keys, sessions, links; also in the name of a sweep that is here, too."""
    neighbour.submit("chief", name="confused")
    with guarded.client(**{"X-API-Key": neighbour.keys["chief"]}) as stranger:
        assert stranger.get("/v1/me").status_code == UNAUTHORIZED
    with neighbour.client(Cookie=f"sweepfront_session={secrets['session']}") as stranger:
        assert stranger.get("/v1/me").status_code == UNAUTHORIZED
    with neighbour.client() as stranger:
        answer = stranger.get("/embed/confused/history", params={"token": secrets["embed token"]})
        assert answer.status_code == httpx.codes.FORBIDDEN


ASSIGNED: tuple[tuple[str, object], ...] = (
    ("created_by", "chief"),
    ("project", "nlp"),
    ("status", "completed"),
    ("id", 1),
    ("document_hash", "0" * 64),
    ("version", 99),
    ("created_at", "2020-01-01T00:00:00Z"),
    ("archived", False),
    ("best_trial", 0),
    ("actor", "chief"),
    ("sha256", "0" * 64),
    ("uri", "file:///etc/passwd"),
    ("secret_ends_at", None),
    ("consecutive_failures", 0),
    ("__class__", "x"),
    ("provider_run_id", "x"),
)


def test_bodies_do_not_say_what_the_service_knows(guarded: Guarded) -> None:
    """Each field that it answers with is refused when it is sent, by its place."""
    guarded.submit("vision-ci", name="assigned")
    assert guarded.finished("assigned")["status"] == "completed"
    caller = guarded["vision-registrar"]
    hook = caller.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/"}).json()["id"]
    calls: tuple[tuple[str, str, Json], ...] = (
        ("POST", "/v1/sweeps", small(name="assigned-too")),
        ("POST", "/v1/sweeps/preview", small()),
        ("POST", "/v1/sweeps/assigned/register", {"model_name": "assigned"}),
        ("POST", "/v1/sweeps/assigned/resume", {}),
        ("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/"}),
        ("PATCH", f"/v1/webhooks/{hook}", {"description": "x"}),
        ("POST", f"/v1/webhooks/{hook}/rotate-secret", {}),
        ("POST", "/v1/embed-tokens", {"sweep": "assigned"}),
    )
    for method, path, body in calls:
        for name, value in ASSIGNED:
            if (path, name) == ("/v1/webhooks", "project"):
                continue
            answer = caller.request(method, path, json={**body, name: value})
            assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, (path, name, answer.text)
            assert [each["pointer"] for each in answer.json()["errors"]] == [f"/{name}"], path
    assert caller.get("/v1/sweeps/assigned-too").status_code == httpx.codes.NOT_FOUND


def test_nobody_gives_anything_to_another_project(guarded: Guarded) -> None:
    """Neither by a tag, nor by a body, nor by what is in the address."""
    caller = guarded["vision-registrar"]
    for project in ("nlp", "*", "", "vision ", "Vision", "vision\\u0000", "vision,nlp"):
        answer = caller.post("/v1/sweeps", json=small(tags={"project": project}))
        assert answer.status_code in (httpx.codes.FORBIDDEN, httpx.codes.UNPROCESSABLE_ENTITY), (
            project
        )
        body = {"url": "http://127.0.0.1:9/", "project": project}
        answer = caller.post("/v1/webhooks", json=body)
        assert answer.status_code in (httpx.codes.FORBIDDEN, httpx.codes.UNPROCESSABLE_ENTITY), (
            project
        )
    made = caller.post("/v1/sweeps", json=small(), params={"project": "nlp", "created_by": "chief"})
    assert (made.json()["created_by"], made.json()["tags"]) == (
        "vision-registrar",
        {"project": "vision"},
    )
    forged = guarded.client(
        guarded.keys["nlp-ci"], **{"X-Forwarded-User": "chief", "X-Project": "vision"}
    )
    with forged as stranger:
        assert (
            stranger.get(f"/v1/sweeps/{made.json()['name']}").status_code == httpx.codes.NOT_FOUND
        )


@contextmanager
def _fresh(tmp_path: Path, scripts: Path) -> Iterator[tuple[Served, str]]:
    keys, found = entries({"one": {"*": "reader"}})
    with served(tmp_path / "data", code_root=scripts, environment=settings_of(found)) as service:
        yield service, keys["one"]


@pytest.mark.slow
def test_how_much_of_a_key_is_right_cannot_be_timed(tmp_path: Path, scripts: Path) -> None:
    """A refusal takes as long when all but the last letter is right as when none is.

    The samples of both take turns, so that whatever else the machine does slows down both. Every
    key is new to the service, which remembers those that it has checked.
    """
    with _fresh(tmp_path, scripts) as (service, key):
        prefix, key_id, secret = key.split("_", 2)  # A secret may hold the sign as well.
        start = f"{prefix}_{key_id}_"
        assert service.client.get("/v1/me", headers={"X-API-Key": key}).is_success
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        times: dict[str, list[float]] = {"none": [], "half": [], "all but the end": []}
        half = len(secret) // 2
        for number in range(40):
            tail = letters[number] + letters[-number - 1]
            wrong = {
                "none": tail + "0" * (len(secret) - 2),
                "half": secret[:half] + tail + "0" * (len(secret) - half - 2),
                "all but the end": secret[:-2] + tail,
            }
            for kind, text in wrong.items():
                begin = time.perf_counter()
                answer = service.client.get("/v1/me", headers={"X-API-Key": start + text})
                times[kind].append(time.perf_counter() - begin)
                assert answer.status_code == UNAUTHORIZED or text == secret
        medians = {kind: statistics.median(found) for kind, found in times.items()}
        print({kind: f"{1000 * found:.1f} ms" for kind, found in medians.items()})
        assert max(medians.values()) < 1.5 * min(medians.values())
