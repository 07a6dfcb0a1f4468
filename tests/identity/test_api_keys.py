"""API keys: made by the command, taken from settings and file, rotated, taken back."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.identity.conftest import Guarded, entries, settings_of
from tests.served import ROOT, Served, served

UNAUTHORIZED = httpx.codes.UNAUTHORIZED


def command(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "app", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def me(service: Served, key: str) -> httpx.Response:
    """Ask the service who calls."""
    return service.client.get("/v1/me", headers={"X-API-Key": key})


def test_a_caller_is_told_who_they_are(guarded: Guarded) -> None:
    """A caller is told who they are."""
    bearer = guarded["vision-ci"].get("/v1/me")
    assert bearer.json() == {
        "name": "vision-ci",
        "kind": "api-key",
        "grants": {"vision": "operator"},
    }
    with guarded.client(**{"X-API-Key": guarded.keys["vision-ci"]}) as client:
        assert client.get("/v1/me").json() == bearer.json()


def test_what_is_not_a_key_is_refused(guarded: Guarded) -> None:
    """What is not a key is refused."""
    good = guarded.keys["chief"]
    wrong = [good[:-1], good + "x", good.upper(), "sf_", "sf__", "x" * 5000, "sf_000000000000_abc"]
    for key in wrong:
        with guarded.client(**{"X-API-Key": key}) as client:
            assert client.get("/v1/me").status_code == UNAUTHORIZED, key
    odd = ["Basic abc", "Bearer", f"Bearer {good} {good}", good, "Bearer a.b.c"]
    for header in odd:
        with guarded.client(Authorization=header) as client:
            answer = client.get("/v1/me")
            assert answer.status_code == UNAUTHORIZED, header
    with guarded.client() as client:
        client.cookies.set("sweepfront_session", good)
        assert client.get("/v1/me").status_code == UNAUTHORIZED


def test_a_key_is_neither_stored_nor_logged(guarded: Guarded) -> None:
    """A key is neither stored nor logged."""
    for key in guarded.keys.values():
        guarded.service.client.get("/v1/me", headers={"X-API-Key": key})
        with guarded.client() as client:
            asked = client.get("/v1/me", params={"api_key": key, "token": key, "q": key})
        assert asked.status_code == UNAUTHORIZED, "a key in an address does not count"
    secrets = [key.split("_", 2)[2].encode() for key in guarded.keys.values()]
    held = [guarded.service.log().encode()]
    held += [path.read_bytes() for path in guarded.service.data.glob("*") if path.is_file()]
    assert not any(secret in text for secret in secrets for text in held)


@pytest.mark.slow
def test_keys_of_a_file_are_made_rotated_and_taken_back(tmp_path: Path, scripts: Path) -> None:
    """Keys of a file are made rotated and taken back."""
    file = tmp_path / "keys.json"
    first = command("keys", "new", "ci", "--role", "registrar", "--file", file).stdout.strip()
    assert file.stat().st_mode & 0o777 == 0o600
    short = command("keys", "new", "old", "--days", "1", "--file", file).stdout.strip()
    environment = {"SWEEPFRONT_API_KEYS_FILE": str(file)}
    with served(tmp_path / "data", code_root=scripts, environment=environment) as service:
        assert me(service, first).json()["grants"] == {"*": "registrar"}
        assert me(service, short).status_code == httpx.codes.OK
        second = command("keys", "new", "ci", "--file", file).stdout.strip()
        accepted(service, second, httpx.codes.OK)
        assert me(service, first).status_code == httpx.codes.OK
        listed = command("keys", "list", "--file", file).stdout
        assert listed.count("ci") == 2
        taken = command("keys", "revoke", first.split("_")[1], "--file", file)
        assert taken.returncode == 0, taken.stderr
        accepted(service, first, UNAUTHORIZED)
        plain = json.loads(file.read_text())
        for entry in plain:
            entry["expires_at"] = "2020-01-01T00:00:00Z"
        file.write_text(json.dumps(plain))
        accepted(service, short, UNAUTHORIZED)
        last = command("keys", "new", "last", "--file", file).stdout.strip()
        accepted(service, last, httpx.codes.OK)
        file.write_text("{no list")
        words = "the keys that were read before stay accepted"
        wait_for(lambda: me(service, last).is_success and words in service.log())


def accepted(service: Served, key: str, status: int) -> None:
    """Wait until the service has read the file again."""
    wait_for(lambda: me(service, key).status_code == status)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds, for some seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_client_sends_the_key_of_its_environment(guarded: Guarded) -> None:
    """The client sends the key of its environment."""
    key = guarded.keys["chief"]
    good = command("sweeps", "--url", guarded.address, SWEEPFRONT_API_KEY=key)
    assert good.returncode == 0, good.stderr
    bad = command("sweeps", "--url", guarded.address, SWEEPFRONT_API_KEY="")
    assert bad.returncode == 2
    assert "Say who you are" in bad.stderr


@pytest.mark.slow
def test_beyond_loopback_only_with_identity(tmp_path: Path) -> None:
    """Beyond loopback only with identity."""
    where = {
        "SWEEPFRONT_HOST": "0.0.0.0",  # noqa: S104 - what is refused here
        "SWEEPFRONT_DATA_DIR": str(tmp_path / "data"),
    }
    open_one = command("serve", **where)
    assert open_one.returncode == 2
    assert "python -m app keys new" in open_one.stderr
    _, found = entries({"chief": {"*": "registrar"}})
    with served(tmp_path / "data", environment={**where, **settings_of(found)}) as service:
        assert service.client.get("/healthz").status_code == httpx.codes.OK
        assert service.client.get("/v1/sweeps").status_code == UNAUTHORIZED


@pytest.mark.slow
def test_settings_that_are_wrong_are_named(tmp_path: Path) -> None:
    """With where they are, before anything is begun."""
    _, found = entries({"a": {"*": "reader"}})
    role = found[0].model_dump(mode="json") | {"grants": {"*": "boss"}}
    wrong = [
        (settings_of([*found, *found]), "two keys have the same id"),
        ({"SWEEPFRONT_ENTRA_TENANT_ID": "abc"}, "go together"),
        ({"SWEEPFRONT_API_KEYS": json.dumps([role])}, "SWEEPFRONT_API_KEYS: 0/grants"),
        ({"SWEEPFRONT_API_KEYS_FILE": str(tmp_path / "none.json")}, "none.json cannot be read"),
        ({"SWEEPFRONT_ENTRA_AUTHORITY": "http://login.example"}, "must be https"),
    ]
    for settings, told in wrong:
        refused = command("serve", SWEEPFRONT_DATA_DIR=str(tmp_path / "data"), **settings)
        assert refused.returncode == 2, refused.stderr
        assert told in refused.stderr
    assert not (tmp_path / "data").exists()
