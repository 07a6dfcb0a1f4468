"""What comes with every answer: nothing of the machine, no secret, and rules for browsers."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.identity.conftest import Guarded
from tests.served import Served

PAGES = (
    *("/dashboard/", "/dashboard/new", "/dashboard/models", "/dashboard/compare", "/docs"),
    *("/dashboard/sweeps/none", "/dashboard/models/none", "/sign-in/", "/dashboard/nowhere"),
)
TOLD = re.compile(r"uvicorn|python|starlette|fastapi|h11|httptools", re.IGNORECASE)
SECRETS = re.compile(
    r"sf_[a-z0-9]{12}_\w{20}|whsec_[A-Za-z0-9+/]{24}|argon2id|eyJ[\w-]{20}|PRIVATE KEY|password="
)


def _policy(answer: httpx.Response) -> dict[str, str]:
    found = answer.headers["Content-Security-Policy"].split("; ")
    return {name: rest for name, _, rest in (each.partition(" ") for each in found)}


@pytest.mark.parametrize("path", PAGES)
def test_pages_tell_browsers_what_they_may(service: Served, path: str) -> None:
    """Nothing from other hosts, no foreign frames, no guessing of types."""
    answer = service.client.get(path, follow_redirects=True)
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = _policy(answer)
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'self'"
    assert policy["object-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "http" not in answer.headers["Content-Security-Policy"]
    assert "*" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def _all_answers(service: Served) -> Iterator[httpx.Response]:
    client = service.client
    for path in service.get("/openapi.json")["paths"]:
        for method in ("GET", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "HEAD"):
            yield client.request(method, re.sub(r"\{\w+\}", "none", path))
    for path in (*PAGES, "/nowhere", "/metrics", "/healthz", "/readyz", "/openapi.json"):
        yield client.get(path)
    yield client.post("/v1/sweeps", content=b"\xff")
    yield client.get("/v1/sweeps", headers={"Host": "evil.example"})


def test_no_answer_tells_what_the_service_is_made_of(service: Served) -> None:
    """By no header; and none may be taken for another type than it says."""
    count = 0
    for answer in _all_answers(service):
        count += 1
        said = {name: text for name, text in answer.headers.items() if name != "x-request-id"}
        assert "server" not in said, answer.request.url
        assert "x-powered-by" not in said
        assert not TOLD.search(str(said)), said
        assert said["x-content-type-options"] == "nosniff", answer.request.url
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
        assert "Traceback" not in answer.text
        assert "site-packages" not in answer.text
    assert count > 150


def test_no_description_or_problem_holds_a_secret(guarded: Guarded) -> None:
    """Of the settings, of callers, of webhooks; not even one that was sent in the wrong place."""
    known = [key.split("_", 2)[2] for key in guarded.keys.values()]
    hook = guarded["chief"].post("/v1/webhooks", json={"url": "http://127.0.0.1:9/"}).json()
    known.append(hook["secret"])
    wrong = f"{guarded.keys['chief']}x"
    with (
        guarded.client(wrong, Cookie="sweepfront_session=a.b") as stranger,
        guarded.client() as none,
    ):
        answers = [none.get("/openapi.json"), none.get("/docs")]
        for caller in (stranger, none, guarded["chief"], guarded["vision-reader"]):
            for path in ("/v1/sweeps", "/v1/webhooks", f"/v1/webhooks/{hook['id']}", "/v1/audit"):
                answers.append(caller.get(path))
                body = {"secret": hook["secret"], "key": guarded.keys["guest"], "url": wrong}
                answers.append(caller.post(path, json=body))
                answers.append(caller.post(path, content=str(body)))
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 403, 405, 422}
    for answer in answers:
        assert not any(each in answer.text for each in known), (answer.request.url, answer.text)
        if answer.headers["Content-Type"] == "application/problem+json":
            assert not SECRETS.search(answer.text), answer.text


def test_pages_that_ask_who_looks_are_not_kept(guarded: Guarded) -> None:
    """What a person saw stays in no cache that others use."""
    with guarded.client() as browser:
        browser.post("/sign-in/", data={"key": guarded.keys["chief"]})
        for path in ("/dashboard/", "/dashboard/models"):
            assert "no-store" in browser.get(path).headers.get("Cache-Control", ""), path


def test_another_sites_page_changes_nothing(guarded: Guarded) -> None:
    """With a session: neither a form, nor a script, nor a socket of it."""
    with guarded.client() as browser:
        browser.post("/sign-in/", data={"key": guarded.keys["chief"]})
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            for method, path in (
                ("POST", "/v1/sweeps"),
                ("DELETE", "/v1/sweeps/none"),
                ("POST", "/sign-in/"),
                ("POST", "/sign-in/end"),
                ("PATCH", "/v1/webhooks/1"),
            ):
                answer = browser.request(method, path, headers=headers)
                assert answer.status_code == httpx.codes.FORBIDDEN, (method, path, headers)
                assert answer.json()["type"] == "/v1/problems/cross-site"
            for transport in ("polling", "websocket"):
                answer = browser.get(
                    "/dashboard/_nicegui_ws/socket.io/",
                    params={"EIO": "4", "transport": transport},
                    headers=headers,
                )
                assert answer.status_code == httpx.codes.FORBIDDEN, (transport, headers)
