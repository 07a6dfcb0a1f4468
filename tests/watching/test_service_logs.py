"""The logs of a real service and its engine: JSON, by sweep and request, without secrets."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import ROOT, Json, Served, document, served

PLANTED = {
    "header": "Hc7bearer0credential0of0a0caller",
    "key": "Kq9secret0part0of0a0key",
    "environment": "Ev4client0secret0of0the0identity",
    "webhook": base64.b64encode(b"webhook-signing-secret!!").decode(),
    "query": "Qs2value0of0a0parameter",
    "traceback": "Tb5password0in0a0traceback",
    "signature": "Sg8signature0of0a0link",
}
REQUEST = "the-request-of-the-test"
FAILS = f"""
import mlflow
mlflow.log_metric("loss", 1.0)
raise RuntimeError("no way to postgresql://me:{PLANTED["traceback"]}@db/ with sf_ab12_{PLANTED["key"]}")
"""


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that logs all it can, has run a sweep that fails, and was handed secrets."""
    folder = tmp_path_factory.mktemp("logs")
    (folder / "code" / "job").mkdir(parents=True)
    (folder / "code" / "job" / "run.py").write_text(FAILS)
    variables = {
        "SWEEPFRONT_LOG_LEVEL": "debug",
        "AZURE_CLIENT_SECRET": PLANTED["environment"],
        # What answers there is nobody, so that the courier has something to complain about.
        "SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "SWEEPFRONT_WEBHOOK_ALLOW_HTTP": "true",
    }
    with served(folder / "data", code_root=folder / "code", environment=variables) as service:
        _hand_over(service)
        body = document("python run.py", {"x": {"type": "choice", "values": [1]}}, code="job")
        answer = service.client.post(
            "/v1/sweeps", json={**body, "name": "talked-of"}, headers={"X-Request-ID": REQUEST}
        )
        assert answer.status_code == 202, answer.text
        assert service.finished("talked-of")["status"] == "failed"
        yield service


def _hand_over(service: Served) -> None:
    """Put secrets wherever a caller can put one."""
    client = service.client
    bearer = {"Authorization": f"Bearer {PLANTED['header']}", "Cookie": f"s={PLANTED['header']}"}
    client.get("/v1/sweeps", headers={**bearer, "X-API-Key": f"sf_ab12_{PLANTED['key']}"})
    client.get(f"/v1/sweeps?token={PLANTED['query']}&sig={PLANTED['signature']}")
    client.get(f"/v1/sweeps?search={PLANTED['environment']}")
    client.get(f"/auth/callback?code={PLANTED['query']}")
    made = client.post(
        "/v1/webhooks",
        json={
            "url": f"http://127.0.0.1:9/hook?token={PLANTED['query']}",
            "secret": f"whsec_{PLANTED['webhook']}",
        },
    )
    assert made.status_code == 201, made.text
    client.get(f"/v1/sweeps?search=whsec_{PLANTED['webhook']}")


def _lines(text: str) -> list[Json]:
    return [json.loads(line) for line in text.splitlines()]


def _engine_log(service: Served) -> str:
    return (service.data / "engine" / "engine.log").read_text()


def test_every_line_is_json(talkative: Served) -> None:
    """Of the service, of uvicorn, of libraries and of the engine alike."""
    lines = _lines(talkative.log()) + _lines(_engine_log(talkative))
    assert {"uvicorn.error", "uvicorn.access"} <= {line["logger"] for line in lines}
    for line in lines:
        assert {"event", "level", "logger", "timestamp", "pid"} <= line.keys(), line


def test_a_sweep_is_followed_by_the_id_of_its_request(talkative: Served) -> None:
    """Through the API, the tracker and the engine, with the sweep's name in each line."""
    served_lines, engine_lines = _lines(talkative.log()), _lines(_engine_log(talkative))
    about = [line for line in served_lines + engine_lines if line.get("request_id") == REQUEST]
    assert {line.get("sweep") for line in about} == {"talked-of"}
    told = {line["logger"]: line for line in about}
    assert told["uvicorn.access"]["status"] == 202
    assert told["uvicorn.access"]["event"] == "POST /v1/sweeps 202"
    assert told["app.watching.backend_calls"]["event"] == "local: submit done"
    assert "sweep failed" in told["app.engine.conductor"]["event"]
    trials = {line["trial"] for line in about if line["logger"] == "app.engine.trials"}
    assert {0, 1, 2} <= trials
    assert told["uvicorn.access"]["pid"] != told["app.engine.trials"]["pid"]


def test_each_request_has_an_id_and_its_sweep(talkative: Served) -> None:
    """Other requests about the sweep have ids of their own."""
    talkative.get("/v1/sweeps/talked-of/trials")
    lines = [line for line in _lines(talkative.log()) if line["logger"] == "uvicorn.access"]
    asked = [line for line in lines if line["path"] == "/v1/sweeps/talked-of/trials"]
    assert asked[0]["sweep"] == "talked-of"
    assert asked[0]["request_id"] != REQUEST
    assert len({line["request_id"] for line in lines}) == len(lines)
    assert not [line for line in lines if line["path"] == "/readyz" and line["status"] == 200]


@pytest.mark.parametrize("where", PLANTED)
def test_no_secret_is_in_any_line(talkative: Served, where: str) -> None:
    """Not even at the level debug; that something was there can be seen."""
    text = talkative.log() + _engine_log(talkative)
    assert PLANTED[where] not in text
    assert base64.b64decode(PLANTED["webhook"]).decode() not in text
    assert "[redacted]" in text


@pytest.mark.slow
def test_a_faulty_database_address_is_not_repeated(tmp_path: Path) -> None:
    """The refusal to start says what is wrong, without the password."""
    for url in (
        f"postgresql://me:{PLANTED['traceback']}@127.0.0.1:1/records",
        f"postgres://me:{PLANTED['traceback']}@127.0.0.1/records",
    ):
        refused = subprocess.run(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT,
            env={
                **os.environ,
                "SWEEPFRONT_DATA_DIR": str(tmp_path / "data"),
                "SWEEPFRONT_DATABASE_URL": url,
                "SWEEPFRONT_PORT": "18124",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert refused.returncode != 0
        assert refused.stderr
        assert PLANTED["traceback"] not in refused.stderr + refused.stdout


@pytest.mark.slow
def test_pretty_lines_are_for_people(tmp_path: Path, scripts: Path) -> None:
    """By setting; they say the same and keep the same quiet."""
    variables = {"SWEEPFRONT_LOG_FORMAT": "pretty"}
    with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
        service.client.get(f"/v1/sweeps?token={PLANTED['query']}", headers={"X-Request-ID": "abc"})
        (line,) = [line for line in service.log().splitlines() if "GET /v1/sweeps?" in line]
        assert "request_id=abc" in line
        assert "info" in line
        assert PLANTED["query"] not in line
        with pytest.raises(json.JSONDecodeError):
            json.loads(line)
