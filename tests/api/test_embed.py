"""Links for frames on other pages: made for one sweep, for a while, framed by known origins only."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.services.embed import EmbedRequest, InvalidTokenError, check, issue
from app.store import sweeps
from app.store.database import Database, migrate
from tests.contract.store.samples import new
from tests.served import Served, document, served


@pytest.fixture(scope="module")
def framed(tmp_path_factory: pytest.TempPathFactory, scripts: Path) -> Iterator[Served]:
    """A service whose charts one other origin may frame."""
    variables = {"SWEEPFRONT_EMBED_ORIGINS": "https://wiki.example.com"}
    folder = tmp_path_factory.mktemp("framed") / "data"
    with served(folder, code_root=scripts, environment=variables) as service:
        yield service


@pytest.fixture(scope="module")
def sweep(framed: Served) -> str:
    """A finished sweep."""
    space = {"x": {"type": "uniform", "min_value": 0, "max_value": 1}}
    name = framed.submit(document("python quadratic.py --x ${{search_space.x}}", space, code="job"))
    framed.finished(name["name"])
    return str(name["name"])


def test_a_link_shows_its_sweep_to_one_other_origin(framed: Served, sweep: str) -> None:
    """The page may be framed there, and nothing else of the service may."""
    answer = framed.client.post("/v1/embed-tokens", json={"sweep": sweep, "view": "timeline"})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    shown = framed.client.get(answer.json()["path"])
    assert shown.status_code == httpx.codes.OK
    policy = shown.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self' https://wiki.example.com")
    assert "X-Frame-Options" not in shown.headers
    whole = framed.client.get(f"/dashboard/sweeps/{sweep}")
    assert whole.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert whole.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("token", ["", "made-up", "eyJzd2VlcCI6Im90aGVyIn0.x"])
def test_without_a_token_there_is_no_chart(framed: Served, sweep: str, token: str) -> None:
    """Nor with one that somebody has made up."""
    answer = framed.client.get(f"/embed/{sweep}/history", params={"token": token})
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "This link is not one that this service made" in answer.text


def test_a_link_is_for_one_sweep(framed: Served, sweep: str) -> None:
    """Another sweep of the same service is not shown by it."""
    path = framed.client.post("/v1/embed-tokens", json={"sweep": sweep}).json()["path"]
    answer = framed.client.get(path.replace(sweep, "another"))
    assert answer.status_code == httpx.codes.FORBIDDEN
    unknown = framed.client.get(path.replace("history", "histogram"))
    assert unknown.status_code == httpx.codes.NOT_FOUND
    assert "choose among: history" in unknown.text


def test_what_cannot_be_had_is_refused_by_name(framed: Served, sweep: str) -> None:
    """An unknown sweep, an unknown view, a token for ever."""
    missing = framed.client.post("/v1/embed-tokens", json={"sweep": "none"})
    assert missing.status_code == httpx.codes.NOT_FOUND
    wrong = {"sweep": sweep, "view": "pie", "expires_in": 10**9}
    refused = framed.client.post("/v1/embed-tokens", json=wrong)
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/view", "/expires_in"]


def test_a_token_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second after its time."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    migrate(url)
    db = Database(url)
    sweeps.add(db, new("one"))
    made = issue(db, EmbedRequest(sweep="one", expires_in=60))
    check(db, made.token, "one")
    later = time.time() + 61
    monkeypatch.setattr("app.services.embed.time.time", lambda: later)
    with pytest.raises(InvalidTokenError, match="has run out"):
        check(db, made.token, "one")
    db.close()
