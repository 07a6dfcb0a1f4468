"""Databases that another process holds locked for ten seconds in the middle of a sweep."""

import sqlite3
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.served import Json, Served, document, served, slow_sweep

ONE = {"x": {"type": "choice", "values": [1]}}
POINTS = 8
STEPS = 15
LOCKED_SECONDS = 10.0
READ_SECONDS = 1.0
"""Of a read beside the lock, as the 95th percentile; 0.2 on a machine with nothing else to do."""

pytestmark = pytest.mark.slow


@contextmanager
def _locked(file: Path) -> Iterator[float]:
    """Nobody else writes to the database; until when (monotonic) that shall be."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield time.monotonic() + LOCKED_SECONDS
        other.execute("ROLLBACK")


def _started(service: Served) -> str:
    name = str(service.submit(slow_sweep(POINTS, STEPS, 0.1))["name"])
    service.until(name, lambda sweep: sweep["trial_counts"]["completed"] >= 1)
    return name


def _check_whole(service: Served, name: str) -> list[Json]:
    sweep = service.finished(name)
    assert sweep["status"] == "completed", sweep
    trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
    for trial in trials:
        assert (trial["status"], trial["attempt"]) == ("completed", 1)
        path = f"/v1/sweeps/{name}/trials/{trial['number']}/metrics?limit=100"
        assert [r["interval"] for r in service.items(path)] == list(range(1, STEPS + 1))
    assert len(trials) == POINTS
    return trials


def test_locked_records_are_read_and_writes_wait_or_say_when_to_come_again(
    tmp_path: Path, scripts: Path
) -> None:
    """The sweep goes on meanwhile, and everything is written down afterwards."""
    with served(tmp_path / "data", code_root=scripts) as service:
        name = _started(service)
        body = document("python fast.py", ONE, code="job")
        posts = ThreadPoolExecutor(4)
        seconds = []
        with _locked(service.data / "sweepfront.db") as until:
            answers = [posts.submit(_post, service, body) for _ in range(4)]
            while time.monotonic() < until:
                begun = time.monotonic()
                service.get(f"/v1/sweeps/{name}/trials")
                seconds.append(time.monotonic() - begun)
                time.sleep(0.02)
        for answer in (future.result(timeout=60) for future in answers):
            assert answer.status_code in (202, 503), answer.text
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                assert answer.json()["type"].endswith("/store-busy")
                assert int(answer.headers["Retry-After"]) > 0
        p95 = statistics.quantiles(seconds, n=20)[-1]
        print(f"{len(seconds)} reads, p95 {p95 * 1000:.0f} ms")
        assert p95 < READ_SECONDS
        _check_whole(service, name)
        assert service.finished(_post(service, body).json()["name"])["status"] == "completed"


def test_a_locked_mlflow_store_neither_delays_trials_nor_loses_values(
    tmp_path: Path, scripts: Path
) -> None:
    """Trials end while it is locked; every value is in it afterwards."""
    with served(tmp_path / "data", code_root=scripts) as service:
        store = service.data / "engine" / "mlflow.db"
        name = _started(service)
        before = service.get(f"/v1/sweeps/{name}")["trial_counts"]["completed"]
        with _locked(store) as until:
            service.until(
                name,
                lambda sweep: sweep["trial_counts"]["completed"] >= before + 2,
                within=LOCKED_SECONDS,
            )
            time.sleep(max(0.0, until - time.monotonic()))
        trials = _check_whole(service, name)
        with closing(sqlite3.connect(store)) as records:
            for trial in trials:
                _await_values(records, trial["provider_run_id"])


def _post(service: Served, body: Json) -> httpx.Response:
    with httpx.Client(base_url=service.client.base_url, timeout=60) as client:
        return client.post("/v1/sweeps", json=body)


def _await_values(records: sqlite3.Connection, run: str) -> None:
    """MLflow's store is written after the engine's own records."""
    deadline = time.monotonic() + 60
    query = "SELECT count(*) FROM metrics WHERE run_uuid = ? AND key = 'loss'"
    while records.execute(query, [run]).fetchone() != (STEPS,):
        assert time.monotonic() < deadline, records.execute(query, [run]).fetchone()
        time.sleep(0.1)
