"""Requests about webhooks: what is refused, with place and remedy, and what is answered."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.served import Json, Served

URL = "https://hooks.invalid/sweeps"
"""A name that never has an address, so that nothing is sent anywhere."""


@pytest.fixture(autouse=True)
def no_webhook_stays(service: Served) -> Iterator[None]:
    """What a test makes goes with it."""
    yield
    for webhook in service.items("/v1/webhooks"):
        service.client.delete(f"/v1/webhooks/{webhook['id']}")


def made(service: Served, **more: Any) -> Json:  # noqa: ANN401 - any key of the body
    """A webhook that gets nothing by itself."""
    body = {"url": URL, "event_types": ["model.registered"], "sweep": "none-such", **more}
    answer = service.client.post("/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    webhook: Json = answer.json()
    assert answer.headers["Location"] == f"/v1/webhooks/{webhook['id']}"
    return webhook


@pytest.mark.parametrize(
    ("body", "pointer", "word"),
    [
        ({}, "/url", "required"),
        ({"url": ""}, "/url", "at least 1"),
        ({"url": "hooks.example.com"}, "/url", "https://"),
        ({"url": "http://hooks.invalid"}, "/url", "SWEEPFRONT_WEBHOOK_ALLOW_HTTP"),
        ({"url": "https://a:b@hooks.invalid"}, "/url", "password"),
        ({"url": "https://127.0.0.1/"}, "/url", "SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS"),
        ({"url": "https://localhost/"}, "/url", "not public"),
        ({"url": "https://[::1]/"}, "/url", "not public"),
        ({"url": "https://169.254.169.254/latest"}, "/url", "not public"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url", "not public"),
        ({"url": "https://0x7f000001/"}, "/url", "not public"),
        ({"url": 7}, "/url", "text"),
        ({"url": URL, "event_types": []}, "/event_types", "at least 1"),
        ({"url": URL, "event_types": ["sweep.state"]}, "/event_types/0", "sweep.status"),
        ({"url": URL, "event_types": "sweep.status"}, "/event_types", "list"),
        ({"url": URL, "sweep": "a/b"}, "/sweep", "match"),
        ({"url": URL, "secret": "hush"}, "/secret", "whsec_"),
        ({"url": URL, "secrets": "hush"}, "/secrets", "did you mean 'secret'"),
        ({"url": URL, "description": "x" * 1001}, "/description", "1000"),
    ],
)
def test_what_is_wrong_is_named(service: Served, body: Json, pointer: str, word: str) -> None:
    """422 with a pointer and the remedy; nothing is made."""
    answer = service.client.post("/v1/webhooks", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], word in fault["message"]) == (pointer, True), fault
    assert service.items("/v1/webhooks") == []


def test_the_secret_is_shown_once(service: Served) -> None:
    """When it is made and when it is changed; a given one is used."""
    webhook = made(service)
    path = f"/v1/webhooks/{webhook['id']}"
    assert len(base64.b64decode(webhook.pop("secret").removeprefix("whsec_"))) == 32
    assert service.get(path) == webhook
    assert service.items("/v1/webhooks") == [webhook]
    own = "whsec_" + base64.b64encode(b"k" * 24).decode()
    assert made(service, secret=own)["secret"] == own
    rotated = service.client.post(f"{path}/rotate-secret")
    assert rotated.status_code == 200
    assert rotated.json()["secret"].startswith("whsec_")
    given = service.client.post(f"{path}/rotate-secret", json={"secret": own})
    assert given.json()["secret"] == own
    refused = service.client.post(f"{path}/rotate-secret", json={"secret": "whsec_"})
    assert refused.json()["errors"][0]["pointer"] == "/secret"
    assert own not in service.log()


def test_a_webhook_is_changed(service: Served) -> None:
    """What is absent stays; null is all events or no description."""
    webhook = made(service, description="mine")
    path = f"/v1/webhooks/{webhook['id']}"
    changed = service.client.patch(path, json={"active": False}).json()
    assert (changed["active"], changed["description"]) == (False, "mine")
    both = {"event_types": None, "description": None, "url": "https://other.invalid/"}
    changed = service.client.patch(path, json=both).json()
    assert {name: changed[name] for name in both} == both
    assert not changed["active"]
    for body, pointer in (
        ({"url": None}, "/url"),
        ({"active": None}, "/active"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"secret": "whsec_"}, "/secret"),
        ({"active": 1}, "/active"),
    ):
        answer = service.client.patch(path, json=body)
        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["pointer"] == pointer
    refused = service.client.post(f"{path}/test")
    assert refused.status_code == 409
    assert '"active": true' in refused.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/webhooks/999", 404),
        ("DELETE", "/v1/webhooks/999", 404),
        ("POST", "/v1/webhooks/999/test", 404),
        ("POST", "/v1/webhooks/999/rotate-secret", 404),
        ("GET", "/v1/webhooks/999/deliveries", 404),
        ("GET", "/v1/webhooks/999/deliveries/1", 404),
        ("POST", "/v1/webhooks/999/deliveries/1/retry", 404),
        ("GET", "/v1/webhooks/0", 422),
        ("GET", "/v1/webhooks/9223372036854775808", 422),
        ("GET", "/v1/webhooks/one", 422),
        ("GET", "/v1/webhooks?cursor=x", 422),
        ("PUT", "/v1/webhooks/1", 405),
    ],
)
def test_what_is_not_there(service: Served, method: str, path: str, status: int) -> None:
    """As problems."""
    answer = service.client.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_receiver_without_an_address_shows_in_the_log(service: Served) -> None:
    """The test call tells where; it is tried once, and again on request."""
    webhook = made(service)
    called = service.client.post(f"/v1/webhooks/{webhook['id']}/test")
    assert called.status_code == 202
    place = called.headers["Location"]
    assert called.json()["type"] == "webhook.test"
    found = _finished(service, place)
    assert (found["status"], found["attempts"], found["next_attempt_at"]) == ("failed", 1, None)
    assert "hooks.invalid has no address" in found["error"]
    again = service.client.post(f"{place}/retry")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    assert _finished(service, place)["attempts"] == 2
    path = f"/v1/webhooks/{webhook['id']}/deliveries"
    assert service.items(f"{path}?status=failed") == [service.get(place)]
    assert service.items(f"{path}?status=delivered") == []
    assert service.client.get(f"{path}?status=lost").status_code == 422


def test_the_description_tells_what_receivers_get(service: Served) -> None:
    """With every type of event, beside the calls."""
    spec = service.get("/openapi.json")
    message = spec["webhooks"]["event"]["post"]["requestBody"]["content"]["application/json"]
    assert message["schema"]["$ref"].endswith("/MessageShape")
    kinds = str(spec["components"]["schemas"]["MessageShape"]["properties"]["type"])
    assert "trial.decision" in kinds
    assert "webhook.test" in kinds


def _finished(service: Served, path: str) -> Json:
    """The delivery once it waits no more."""
    for _ in range(200):
        found = service.get(path)
        if found["status"] != "pending":
            return found
        time.sleep(0.05)
    raise AssertionError(found)
