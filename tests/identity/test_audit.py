"""The audit log: every change is in it, with who made it; nobody changes the log."""

import json

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from tests.identity.conftest import Guarded, small
from tests.served import Json


def test_every_change_is_written_down(guarded: Guarded) -> None:
    """Every change is written down."""
    chief, tags = guarded["chief"], {"project": "audited"}
    name = guarded.submit("chief", name="audited", tags=tags)["name"]
    guarded.finished(name)
    steps = [
        ("post", f"/v1/sweeps/{name}/trials/0/retry", None),
        ("post", f"/v1/sweeps/{name}/resume", {"limits": {"max_total_trials": 3}}),
        ("post", f"/v1/sweeps/{name}/cancel", None),
        ("post", f"/v1/sweeps/{name}/register", {"model_name": "audited"}),
        ("post", "/v1/embed-tokens", {"sweep": name}),
        ("delete", f"/v1/sweeps/{name}", None),
        ("delete", f"/v1/sweeps/{name}?purge=true", None),
    ]
    for method, path, body in steps:
        guarded.finished(name) if "cancel" not in path else None
        answer = chief.request(method, path, json=body)
        assert answer.status_code in (200, 201, 202, 204, 409), (path, answer.text)
    entries = chief.get("/v1/audit", params={"limit": 200}).json()["items"]
    mine = [entry for entry in entries if entry["project"] == "audited"]
    done = [entry["action"] for entry in reversed(mine)]
    assert done[:2] == ["sweep.submit", "trial.retry"]
    assert done[-4:] == ["model.register", "embed-token.create", "sweep.archive", "sweep.purge"]
    for entry in mine:
        assert (entry["actor"], entry["kind"], entry["source"]) == ("chief", "api-key", "127.0.0.1")
        assert entry["request_id"]
    submitted = next(entry for entry in mine if entry["action"] == "sweep.submit")
    assert submitted["target"] == name
    assert len(submitted["document_hash"]) == 64


def test_a_change_that_is_refused_leaves_nothing(guarded: Guarded) -> None:
    """A change that is refused leaves nothing."""
    before = exported(guarded)
    assert guarded["guest"].post("/v1/sweeps", json=small()).status_code == 403
    assert guarded["chief"].post("/v1/sweeps", json={"name": "x"}).status_code == 422
    assert exported(guarded) == before


def test_the_export_is_whole_and_goes_on(guarded: Guarded) -> None:
    """The export is whole and goes on."""
    whole = exported(guarded)
    assert [entry["id"] for entry in whole] == sorted(entry["id"] for entry in whole)
    rest = exported(guarded, after=whole[0]["id"])
    assert rest[: len(whole) - 1] == whole[1:]
    by_chief = guarded["chief"].get("/v1/audit", params={"actor": "nobody"}).json()
    assert by_chief["items"] == []


def test_nobody_changes_the_log(guarded: Guarded) -> None:
    """Nobody changes the log."""
    refuse_changes(f"sqlite:///{guarded.service.data / 'sweepfront.db'}")


def refuse_changes(url: str) -> None:
    """Try what somebody with the database at hand would."""
    engine = create_engine(url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit")).scalar_one() > 0
    for statement in ("DELETE FROM audit", "UPDATE audit SET actor = 'somebody else'"):
        with pytest.raises(DBAPIError, match="only grows"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()


def exported(guarded: Guarded, after: int = 0) -> list[Json]:
    """The log, as the chief exports it."""
    answer = guarded["chief"].get("/v1/audit/export", params={"after": after})
    assert answer.status_code == httpx.codes.OK
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_webhooks_address_is_not_written_down(guarded: Guarded) -> None:
    """Of a webhook's address the log has the host only."""
    host = "127.0.0.1"
    url = str(
        httpx.URL(scheme="http", host=host, path="/a-secret-path", query=b"key=a-secret-value")
    )
    made = guarded["chief"].post("/v1/webhooks", json={"url": url})
    assert made.status_code == httpx.codes.CREATED, made.text
    entry = (
        guarded["chief"].get("/v1/audit", params={"action": "webhook.create"}).json()["items"][0]
    )
    assert entry["details"] == {"receiver": host}
    assert guarded["chief"].delete(f"/v1/webhooks/{made.json()['id']}").status_code == 204
