"""A disk that fills up and empties again under a running service: nothing is lost, nothing restarts."""

import io
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.disks import full, no_longer_files, small_disk
from tests.served import Json, Served, document, served, slow_sweep

ONE = {"x": {"type": "choice", "values": [1]}}
POINTS = 8


@pytest.fixture(params=["a file system without room", "a limit on the size of files"])
def filling(
    request: pytest.FixtureRequest, tmp_path: Path, scripts: Path
) -> Iterator[tuple[Served, AbstractContextManager[None]]]:
    """A service, and what fills its disk for a while."""
    data = tmp_path / "disk"
    if "limit" in request.param:
        with served(data, code_root=scripts) as service:
            yield service, _limited(service)
    else:
        with small_disk(data, mebibytes=24), served(data, code_root=scripts) as service:
            yield service, full(data)


@contextmanager
def _limited(service: Served) -> Iterator[None]:
    assert service.process is not None
    with no_longer_files([service.process.pid, service.engine_pid()]):
        yield


def _archive() -> bytes:
    """A zip of one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("t.py", "print(1)")
    return packed.getvalue()


def _until(condition: object, *, within: float = 60.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_a_sweep_outlives_a_full_disk(
    filling: tuple[Served, AbstractContextManager[None]],
) -> None:
    """Posts are refused in words, reads go on, no process dies, and all trials are there at last."""
    service, filled = filling
    before = service.submit(document("python fast.py", ONE, code="job"))["name"]
    service.finished(before)
    name = service.submit(slow_sweep(POINTS, 20, 0.1))["name"]
    service.until(name, lambda sweep: sweep["trial_counts"]["completed"] >= 2)
    engine = service.engine_pid()
    with filled:
        for body in (document("python fast.py", ONE, code="job"), document("true", ONE)):
            answer = service.client.post("/v1/sweeps", json=body)
            assert answer.status_code in (503, 507), answer.text
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) > 0
        upload: Json = {"content": _archive(), "headers": {"Content-Type": "application/zip"}}
        assert service.client.post("/v1/code", **upload).status_code == 507
        _until(lambda: service.client.get("/readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE)
        _until(lambda: "cannot write" in service.client.get("/readyz").json()["checks"]["local"])
        (local,) = service.get("/v1/backends")["items"]
        assert not local["healthy"]
        assert service.get(f"/v1/sweeps/{before}")["status"] == "completed"
        assert service.get(f"/v1/sweeps/{name}")["status"] == "running"
        # As long as two trials take, so that their ends are only in the engine's memory.
        time.sleep(5)
    sweep = service.finished(name)
    assert service.engine_pid() == engine
    assert sweep["status"] == "completed", sweep
    trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
    assert sorted(trial["parameters"]["level"] for trial in trials) == list(range(POINTS))
    for trial in trials:
        path = f"/v1/sweeps/{name}/trials/{trial['number']}/metrics?limit=100"
        assert trial["status"] in ("completed", "failed"), trial
        if trial["status"] == "completed":
            assert [r["interval"] for r in service.items(path)] == list(range(1, 21))
    assert service.client.post("/v1/code", **upload).status_code == httpx.codes.CREATED
    after = service.submit(document("python fast.py", ONE, code="job"))["name"]
    assert service.finished(after)["status"] == "completed"
    _until(lambda: service.client.get("/readyz").status_code == httpx.codes.OK)
    with sqlite3.connect(service.data / "sweepfront.db") as records:
        assert records.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
