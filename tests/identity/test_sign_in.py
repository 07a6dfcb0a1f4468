"""The pages ask who looks; a session shows them, and changes nothing by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from tests.identity.conftest import Guarded, entries, settings_of, small
from tests.served import Served, served

SEE_OTHER = httpx.codes.SEE_OTHER
FORBIDDEN = httpx.codes.FORBIDDEN


@contextmanager
def signed_in(guarded: Guarded, caller: str = "chief") -> Iterator[httpx.Client]:
    """A client with the session of that caller."""
    with guarded.client() as client:
        answer = client.post("/sign-in/", data={"key": guarded.keys[caller]})
        assert answer.status_code == SEE_OTHER, answer.text
        yield client


def test_a_page_leads_to_the_form_and_the_form_to_the_page(guarded: Guarded) -> None:
    """A page leads to the form and the form to the page."""
    with guarded.client() as browser:
        wanted = "/dashboard/sweeps/one?tab=charts"
        away = browser.get(wanted)
        assert away.status_code == SEE_OTHER
        form = browser.get(away.headers["location"])
        assert form.status_code == httpx.codes.OK
        assert "no-store" in form.headers["Cache-Control"]
        wrong = browser.post(away.headers["location"], data={"key": "sf_wrong_key"})
        assert wrong.status_code == httpx.codes.UNAUTHORIZED
        assert 'role="alert"' in wrong.text
        right = browser.post(away.headers["location"], data={"key": guarded.keys["guest"]})
        assert right.status_code == SEE_OTHER
        assert right.headers["location"] == wanted
        assert browser.get("/dashboard/").status_code == httpx.codes.OK
        assert browser.get("/v1/me").json()["name"] == "guest"
        browser.post("/sign-in/end")
        assert browser.get("/dashboard/").status_code == SEE_OTHER


def test_the_cookie_is_for_this_service_alone(guarded: Guarded) -> None:
    """The cookie is for this service alone."""
    with guarded.client() as browser:
        answer = browser.post("/sign-in/", data={"key": guarded.keys["guest"]})
        cookie = SimpleCookie(answer.headers["set-cookie"])["sweepfront_session"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
        assert not cookie["secure"], "over http a browser would not keep it"
        forwarded = {"X-Forwarded-Proto": "https"}
        over_tls = browser.post("/sign-in/", data={"key": guarded.keys["guest"]}, headers=forwarded)
        assert "Secure" in over_tls.headers["set-cookie"]
        assert guarded.keys["guest"] not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/dashboard/\r\nSet-Cookie: a=b",
        "/dashboard/..//evil.example\t",
        "javascript:alert(1)",
        "/v1/sweeps",
        "",
    ],
)
def test_nobody_is_led_elsewhere(guarded: Guarded, following: str) -> None:
    """Nobody is led elsewhere."""
    with guarded.client() as browser:
        answer = browser.post(
            "/sign-in/", params={"next": following}, data={"key": guarded.keys["guest"]}
        )
        assert answer.headers["location"] == "/dashboard/"
        assert "evil" not in browser.get("/sign-in/", params={"next": following}).text


def test_a_session_reads_and_changes_nothing(guarded: Guarded) -> None:
    """A session reads and changes nothing."""
    with signed_in(guarded) as browser:
        assert browser.get("/v1/sweeps").status_code == httpx.codes.OK
        for method, path in (("POST", "/v1/sweeps"), ("DELETE", "/v1/sweeps/of-vision")):
            answer = browser.request(method, path, json=small())
            assert answer.status_code == httpx.codes.UNAUTHORIZED, path


def test_a_session_that_is_changed_or_of_another_service_is_none(guarded: Guarded) -> None:
    """A session that is changed or of another service is none."""
    with signed_in(guarded, "guest") as browser:
        text = browser.cookies["sweepfront_session"]
        body, _, signature = text.rpartition(".")
        for changed in (body, f"{body}.{signature[:-1]}", f"e30.{signature}", "x", ""):
            with guarded.client(Cookie=f"sweepfront_session={changed}") as other:
                assert other.get("/v1/me").status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.slow
def test_a_session_ends_with_its_key(tmp_path: Path, scripts: Path) -> None:
    """A session ends with its key."""
    keys, found = entries({"one": {"*": "reader"}})
    options = {"code_root": scripts, "environment": settings_of(found)}
    with served(tmp_path / "data", **options) as service:
        service.client.post("/sign-in/", data={"key": keys["one"]})
        assert service.client.get("/v1/me").json()["name"] == "one"
        cookies = service.client.cookies
    _, others = entries({"two": {"*": "reader"}})
    same_id = others[0].model_copy(update={"id": found[0].id})
    options["environment"] = settings_of([same_id])
    with served(tmp_path / "data", **options) as service:
        service.client.cookies.update(cookies)
        assert service.client.get("/v1/me").status_code == httpx.codes.UNAUTHORIZED


ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://a.example.com"},
    {"Origin": "http://[::1"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_a_page_elsewhere_changes_nothing(service: Served, headers: dict[str, str]) -> None:
    """On a service that identifies nobody: what a form of any page could send from a browser."""
    for path in ("/v1/sweeps/none/cancel", "/v1/sweeps", "/sign-in/end"):
        answer = service.client.post(path, headers=headers)
        assert answer.status_code == FORBIDDEN, path
        assert answer.json()["type"] == "/v1/problems/cross-site"
    socket = "/dashboard/_nicegui_ws/socket.io/?EIO=4&transport=polling"
    assert service.client.get(socket, headers=headers).status_code == FORBIDDEN
    assert service.client.get("/v1/sweeps", headers=headers).status_code == httpx.codes.OK


def test_the_services_own_pages_and_programs_may(service: Served) -> None:
    """The services own pages and programs may."""
    own = f"http://127.0.0.1:{service.port}"
    for headers in ({}, {"Origin": own}, {"Sec-Fetch-Site": "same-origin", "Origin": own}):
        answer = service.client.post("/v1/sweeps/none/cancel", headers=headers)
        assert answer.status_code == httpx.codes.NOT_FOUND, headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::1", "", "0.0.0.0"])  # noqa: S104 - a name
def test_a_strangers_name_for_this_machine_is_refused(service: Served, host: str) -> None:
    """A page can make its own name lead to loopback, and would then be of the same origin."""
    for path in ("/v1/sweeps", "/dashboard/", "/v1/me"):
        assert service.client.get(path, headers={"Host": host}).status_code == FORBIDDEN
    assert service.client.get("/v1/me", headers={"Host": "localhost:1"}).json()["name"] == "local"
