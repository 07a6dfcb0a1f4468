"""A data folder that may not be written: refused at the start, outlived by a running service."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.disks import full, read_only, small_disk
from tests.served import ROOT, document, free_port, served

ONE = {"x": {"type": "choice", "values": [1]}}


def _refusal(data: Path) -> str:
    """What a service says that refuses to start."""
    port = str(free_port())
    done = subprocess.run(
        [sys.executable, "-m", "app", "serve"],
        cwd=ROOT,
        env={**os.environ, "SWEEPFRONT_DATA_DIR": str(data), "SWEEPFRONT_PORT": port},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_service_refuses_to_start_where_it_cannot_write(tmp_path: Path) -> None:
    """In one line, with the setting and the remedy."""
    place = tmp_path / "place"
    place.mkdir()
    with read_only(place):
        words = _refusal(place / "data")
    assert "SWEEPFRONT_DATA_DIR" in words
    assert "let the service's user write there" in words
    file = tmp_path / "file"
    file.write_text("")
    assert "SWEEPFRONT_DATA_DIR" in _refusal(file)


@pytest.mark.slow
def test_a_service_refuses_to_start_on_a_full_disk(tmp_path: Path) -> None:
    """Likewise."""
    disk = tmp_path / "disk"
    with small_disk(disk, mebibytes=1), full(disk):
        assert "free some space" in _refusal(disk / "data")


@pytest.mark.slow
def test_a_folder_that_becomes_read_only_is_outlived(tmp_path: Path, scripts: Path) -> None:
    """Posts say what to do, reads go on, and what waited runs once it can be written again."""
    data = tmp_path / "data"
    # The database elsewhere: of what lies in the folder only new files are refused.
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with served(data, code_root=scripts, database_url=url) as service:
        body = document("python fast.py", ONE, code="job")
        before = service.submit(body)["name"]
        service.finished(before)
        with read_only(data):
            (scripts / "other").mkdir(exist_ok=True)
            (scripts / "other" / "t.py").write_text("print(1)")
            answer = service.client.post(
                "/v1/sweeps", json=document("python t.py", ONE, code="other")
            )
            assert answer.status_code == 503, answer.text
            assert answer.json()["type"].endswith("/read-only")
            assert "let the service's user write there" in answer.json()["detail"]
            assert int(answer.headers["Retry-After"]) > 0
            waiting = service.submit(document("true", ONE))["name"]
            sweep = service.until(waiting, lambda sweep: sweep["sync_error"])
            assert "let the service's user write there" in sweep["sync_error"]
            assert service.get(f"/v1/sweeps/{before}/trials/0")["status"] == "completed"
            assert service.get(f"/v1/sweeps/{before}/trials/0/metrics")["items"]
            time.sleep(1)
        assert service.finished(waiting)["status"] == "completed"
        assert service.finished(service.submit(body)["name"])["status"] == "completed"
