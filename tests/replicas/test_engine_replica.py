"""The local engine runs on the replica that the settings name; the other one shares its folder."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.replicas.conftest import Records
from tests.served import Served, document, served, slow_sweep

AWAY = "'machine'"


@pytest.fixture
def pair(tmp_path: Path, scripts: Path, records: Records) -> Iterator[tuple[Served, Served]]:
    """A replica beside the one that runs the engine, and that one, not yet started."""
    with ExitStack() as stack:
        options: dict[str, Any] = {"code_root": scripts, "database_url": records.url}
        named = {"SWEEPFRONT_LOCAL_REPLICA": "machine"}
        beside = stack.enter_context(
            served(
                tmp_path / "data",
                environment=named | {"SWEEPFRONT_REPLICA": "beside"},
                log="beside",
                **options,
            )
        )
        machine = Served(
            tmp_path / "data",
            environment=named | {"SWEEPFRONT_REPLICA": "machine"},
            log="machine",
            **options,
        )
        try:
            yield beside, machine
        finally:
            if machine.process is not None and machine.process.poll() is None:
                machine.stop()
            machine.client.close()


def _engines(replica: Served) -> int:
    return sum(" app engine --workspace " in line for line in replica.processes())


@pytest.mark.slow
def test_the_named_replica_runs_what_the_other_one_accepts(pair: tuple[Served, Served]) -> None:
    """Submitted, read, canceled and registered through the replica without an engine."""
    beside, machine = pair
    local = beside.get("/v1/backends")["items"][0]
    assert local["healthy"]
    assert AWAY in local["health"]
    assert "cannot be reached" in local["health"]
    assert beside.get("/readyz")["checks"]["local"] == "ok"
    refused = beside.client.post("/v1/sweeps", json={**slow_sweep(4, 2, 0.1), "limits": {}})
    assert refused.status_code == 422
    space = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3]}}
    command = "python quadratic.py --x ${{search_space.x}}"
    body = document(command, space, code="job", sampling_algorithm="grid")
    name = beside.submit(body)["name"]
    long = beside.submit(slow_sweep(4, 600, 0.1))["name"]
    assert _engines(beside) == 0
    machine.start()
    assert beside.finished(name, within=120)["trial_counts"]["completed"] == 3
    assert _engines(beside) == 1
    best = beside.get(f"/v1/sweeps/{name}/best-trial")
    path = f"/v1/sweeps/{name}/trials/{best['number']}"
    assert beside.client.get(f"{path}/logs?stream=stdout").status_code == 200
    assert [one["path"] for one in beside.items(f"{path}/artifacts")]
    version = beside.client.post(f"/v1/sweeps/{name}/register")
    assert version.status_code == 201, version.text
    number = version.json()["version"]
    model = beside.client.get(f"/v1/models/final_model/versions/{number}/download")
    assert model.content == b"0.3"
    beside.until(long, lambda sweep: sweep["trial_counts"].get("running", 0) == 2)
    beside.client.post(f"/v1/sweeps/{long}/cancel")
    assert beside.finished(long)["status"] == "canceled"
    assert beside.client.delete(f"/v1/sweeps/{long}?purge=true").status_code == 204


@pytest.mark.slow
def test_what_needs_the_engine_waits_while_its_replica_is_away(
    pair: tuple[Served, Served],
) -> None:
    """503 that names the replica; nobody else starts an engine, and the sweep goes on afterwards."""
    beside, machine = pair
    machine.start()
    name = beside.submit(slow_sweep(4, 100, 0.1))["name"]
    beside.until(name, lambda sweep: sweep["trial_counts"].get("running", 0) == 2)
    engine = beside.engine_pid()
    machine.kill()
    os.kill(engine, signal.SIGKILL)
    answer = beside.client.post(f"/v1/sweeps/{name}/trials/0/cancel")
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"] == "/v1/problems/backend-away"
    assert AWAY in answer.json()["detail"]
    assert beside.get("/readyz")["status"] == "ready"
    assert _engines(beside) == 0
    machine.start()
    assert beside.finished(name, within=120)["status"] == "completed"
    beside.stop()
    assert _engines(machine) == 1, "the engine is the named replica's alone"
