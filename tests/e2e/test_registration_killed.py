"""A service that is killed between the model's creation and its own record of it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.served import served, slow_sweep

VERSIONS = "SELECT count(*) FROM model_versions WHERE name = 'final_model'"

pytestmark = pytest.mark.slow


def _versions(store: Path) -> int:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)) as records:
        number: int = records.execute(VERSIONS).fetchone()[0]
    return number


def test_a_model_without_its_record_is_not_registered_a_second_time(
    tmp_path: Path, scripts: Path
) -> None:
    """The records are locked, so that the kill falls there; whoever asks again gets that version."""
    with served(tmp_path / "data", code_root=scripts) as service:
        body = slow_sweep(2, 1, 0.0)
        body["trial"]["command"] = "python quadratic.py --x ${{search_space.level}}"
        name = service.submit(body)["name"]
        assert service.finished(name)["status"] == "completed"
        store = service.data / "engine" / "mlflow.db"
        path = f"/v1/sweeps/{name}/register"
        database = service.data / "sweepfront.db"
        with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(httpx.ReadTimeout):
                service.client.post(path, timeout=0.01)
            deadline = time.monotonic() + 30
            while _versions(store) == 0:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            service.kill()
            other.execute("ROLLBACK")
        service.start()
        assert service.client.get("/v1/models/final_model").status_code == 404
        first = service.client.post(path)
        again = service.client.post(path)
        assert (first.status_code, again.status_code) == (201, 200), first.text
        assert first.json() == again.json()
        assert first.json()["version"] == 1
        (version,) = service.items("/v1/models/final_model")
        assert version["sha256"] == first.json()["sha256"]
        assert _versions(store) == 1
