"""Rounds of retention: by the service itself, killed at every step, one at a time."""

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from app.store import chores
from app.store.database import Database
from app.store.tables import CHORES, EVENTS, METRICS, SWEEPS
from tests.old_sweeps import TERMS, begun, files_below, grow_old, retained, rows_of, run_sweep
from tests.served import served

SOCKETS = shutil.ignore_patterns("*.sock")

pytestmark = pytest.mark.slow


def test_the_service_does_it_by_itself(leaving: Path, tmp_path: Path) -> None:
    """In dry-run it only tells; once it is on, it removes, soon after its start."""
    data = tmp_path / "data"
    url = f"sqlite:///{data / 'sweepfront.db'}"

    def run(mode: str) -> Any:  # noqa: ANN401 - a context manager of Served
        environment = {**TERMS, "SWEEPFRONT_RETENTION": mode}
        return served(data, code_root=leaving, environment=environment)

    with run("off") as service:
        run_sweep(service, "old")
        grow_old(url, "old")
    before = files_below(data / "engine" / "sweeps" / "old")
    with run("dry-run") as service:
        _until(lambda: "retention would remove artifacts of sweep old: 8 files" in service.log())
        assert service.get("/v1/sweeps/old")["metrics_thinned_at"] is None
    assert files_below(data / "engine" / "sweeps" / "old") == before
    with run("on") as service:
        service.until("old", lambda sweep: sweep["events_removed_at"])
        _until(lambda: "retention removed artifacts of 1 sweeps: 8 files" in service.log())
    assert set(files_below(data / "engine" / "sweeps" / "old")) == {"journal.jsonl", "sweep.json"}


def _until(condition: Any, *, within: float = 60.0) -> None:  # noqa: ANN401 - a test's lambda
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_killed_round_is_gone_on_with(leaving: Path, tmp_path: Path) -> None:
    """Killed again and again it ends as one that was left alone; no service runs meanwhile."""
    with served(tmp_path / "data", code_root=leaving) as service:
        for place in range(4):
            run_sweep(service, f"old-{place}")
        assert service.client.delete("/v1/sweeps/old-3").status_code == 204
        service.stop()
    grow_old(f"sqlite:///{tmp_path / 'data' / 'sweepfront.db'}", *(f"old-{n}" for n in range(4)))
    found = []
    for name in ("alone", "killed"):
        data = tmp_path / name
        shutil.copytree(tmp_path / "data", data, symlinks=True, ignore=SOCKETS)
        url = f"sqlite:///{data / 'sweepfront.db'}"
        if name == "killed":
            kills = 0
            while _killed_at_the_next_step(data, url):
                kills += 1
            print(f"{kills} rounds were cut off, each after it had removed something")
            assert kills >= 6
        retained(data, url, "--apply")
        rows = [rows_of(url, f"old-{n}")[0] for n in range(4)]
        found.append((files_below(data / "engine" / "sweeps"), rows, _noted(url)))
    assert found[0] == found[1]
    assert {Path(path).name for path in found[0][0]} == {"journal.jsonl", "sweep.json"}


def _killed_at_the_next_step(data: Path, url: str) -> bool:
    """Begin a round and kill it as soon as something is gone; False: there was nothing left."""
    before = _left(data, url)
    process = begun(data, url, "--apply")
    while process.poll() is None and _left(data, url) == before:
        time.sleep(0.001)
    cut = process.poll() is None
    process.kill()
    process.communicate()
    _lease_has_run_out(url)
    return cut


def _left(data: Path, url: str) -> tuple[int, ...]:
    """How much there is of files, sweeps, reports and events."""
    db = Database(url)
    with db.read() as session:
        counts = [
            session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (SWEEPS, METRICS)
        ]
    db.close()
    while True:
        # A folder may go while it is listed.
        with suppress(FileNotFoundError):
            return len(files_below(data / "engine" / "sweeps")), *counts


def _lease_has_run_out(url: str) -> None:
    db = Database(url)
    with db.write() as session:
        session.execute(update(CHORES).values(lease_until=None))
    db.close()


def _noted(url: str) -> Mapping[str, list[bool]]:
    columns = [column for column in SWEEPS.c if column.name.endswith(("removed_at", "thinned_at"))]
    db = Database(url)
    with db.read() as session:
        rows = session.execute(select(SWEEPS.c.name, *columns)).all()
        pending = session.execute(select(func.count()).select_from(EVENTS)).scalar_one()
        assert session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    db.close()
    assert pending
    return {row[0]: [value is not None for value in row[1:]] for row in rows}


def test_only_one_at_a_time_and_only_what_was_asked_for(tmp_path: Path) -> None:
    """Another one that is at it is told of; so is a command that says neither or has no terms."""
    data = tmp_path / "data"
    url = f"sqlite:///{data / 'sweepfront.db'}"
    assert retained(data, url, "--dry-run") == dict.fromkeys(
        ("archived", "artifacts", "logs", "metrics", "events"), (0, 0, 0)
    )
    db = Database(url)
    assert chores.claim(db, "retention", "somebody", lease=60)
    refused = begun(data, url, "--apply")
    assert "another process is at it" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 2
    retained(data, url, "--dry-run")
    db.close()
    neither = begun(data, url)
    assert "give one of --dry-run and --apply" in neither.communicate(timeout=60)[1]
    assert neither.returncode == 2
    nothing = dict.fromkeys(TERMS, "") | {"SWEEPFRONT_RETAIN_METRICS_POINTS": "50"}
    process = begun(data, url, "--dry-run", **nothing)
    assert "nothing is to be removed" in process.communicate(timeout=60)[0]
