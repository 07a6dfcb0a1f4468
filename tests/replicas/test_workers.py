"""serve --workers 2: two processes on one port, watched by a third; one engine for both."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.event_reader import EventReader
from tests.replicas.conftest import Records
from tests.served import ROOT, Served, half_done, served, slow_sweep, until

POINTS = 10


@pytest.fixture
def crew(tmp_path: Path, scripts: Path, records: Records) -> Iterator[Served]:
    """A service of two workers."""
    with served(
        tmp_path / "data", code_root=scripts, database_url=records.url, workers=2
    ) as running:
        until(lambda: len(_answering(running)) == 2)
        yield running


def _workers(service: Served) -> set[int]:
    """The processes that answer, or are about to."""
    assert service.process is not None
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    found = {int(pid) for pid in children.read_text().split()}
    return {pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def _answering(service: Served) -> set[int]:
    """The workers that have started, as their log says."""
    lines = service.log().splitlines()
    begun = {int(line.split("[")[1].split("]")[0]) for line in lines if "server process [" in line}
    complete = sum("Application startup complete" in line for line in lines)
    return begun & _workers(service) if complete >= len(begun) else set()


def _replaced(service: Served, victim: int) -> bool:
    answering = _answering(service)
    return victim not in answering and len(answering) == 2


def _engines(service: Served) -> int:
    return sum(" app engine --workspace " in line for line in service.processes())


def _posts(service: Served, count: int) -> None:
    """So many requests at once, each on a connection of its own."""

    def ask(_: int) -> int:
        return httpx.get(f"http://127.0.0.1:{service.port}/v1/sweeps", timeout=30).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(count))) == {200}


def test_several_workers_need_postgresql(tmp_path: Path) -> None:
    """On SQLite the command says what to do instead."""
    refused = subprocess.run(
        [sys.executable, "-m", "app", "serve", "--workers", "2"],
        cwd=ROOT,
        env={
            **os.environ,
            "SWEEPFRONT_DATA_DIR": str(tmp_path / "data"),
            "SWEEPFRONT_DATABASE_URL": "",
            "SWEEPFRONT_PORT": "18124",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 2
    assert "SWEEPFRONT_DATABASE_URL=postgresql://" in refused.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_both_answer_and_a_dead_one_is_replaced(crew: Served) -> None:
    """SIGKILL of either in turn: no engine more or less, no trial interrupted."""
    name = crew.submit(slow_sweep(POINTS, 12, 0.2))["name"]
    crew.until(name, half_done)
    engine = crew.engine_pid()
    for victim in sorted(_workers(crew)):
        os.kill(victim, signal.SIGKILL)
        until(partial(_replaced, crew, victim))
        assert crew.engine_pid() == engine
        assert _engines(crew) == 1
    assert crew.finished(name, within=120)["status"] == "completed"
    trials = crew.items(f"/v1/sweeps/{name}/trials")
    assert [trial["attempt"] for trial in trials] == [1] * POINTS
    connections = _used_connections(crew)
    _posts(crew, 400)
    after = _used_connections(crew)
    assert all(after[pid] > connections.get(pid, 0) for pid in _workers(crew)), "both answer"


def _used_connections(service: Served) -> dict[int, int]:
    """Bytes that each worker has written, which answers make more."""
    written = {}
    for pid in _workers(service):
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        written[pid] = int(dict(line.split(": ") for line in lines)["wchar"])
    return written


@pytest.mark.slow
def test_streams_that_are_open_do_not_delay_the_end(
    tmp_path: Path, scripts: Path, records: Records
) -> None:
    """SIGTERM: every stream is ended properly, and everything is gone within seconds.

    How long an engine needs is another matter: it runs elsewhere here.
    """
    options = {"SWEEPFRONT_REPLICA": "crew", "SWEEPFRONT_LOCAL_REPLICA": "another"}
    with served(
        tmp_path / "data",
        code_root=scripts,
        database_url=records.url,
        environment=options,
        workers=2,
    ) as crew:
        until(lambda: len(_answering(crew)) == 2)
        readers = [EventReader(crew.port) for _ in range(12)]
        begun = time.monotonic()
        code = crew.stop()
        took = time.monotonic() - begun
        print(f"ended {took:.1f} s after SIGTERM")
        assert code == -signal.SIGTERM
        until(lambda: all(reader.clean is not None for reader in readers), 5)
        assert all(reader.clean for reader in readers)
        # Python's own helper of its processes ends a moment after them.
        until(lambda: not crew.processes(), 5)
        assert took < 5


@pytest.mark.slow
def test_workers_end_with_the_process_that_watches_them(crew: Served) -> None:
    """SIGKILL of that one: its port is free for the next service, which has the engine."""
    engine = crew.engine_pid()
    workers = _workers(crew)
    crew.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 30)
    crew.start()
    assert crew.engine_pid() != engine or engine
    assert crew.get("/v1/backends")["items"][0]["healthy"]


@pytest.mark.slow
def test_pages_are_elsewhere(crew: Served) -> None:
    """/dashboard says how to have them, / leads to /docs."""
    for path in ("/dashboard", "/dashboard/", "/dashboard/sweeps/x", "/embed/sweeps/x"):
        answer = crew.client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert "one process" in answer.json()["detail"]
        assert crew.client.get(answer.json()["type"]).status_code == 200
    assert crew.client.get("/").headers["location"] == "/docs"
