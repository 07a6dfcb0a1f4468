"""Retention with a real service: counted first, then removed, and nothing else is touched."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from app.store import chores
from app.store.database import Database, migrate
from app.store.tables import CHORES, EVENTS, METRICS, SWEEPS
from app.views.shape import VIEWS
from tests.served import ROOT, Json, Served, document, served, slow_sweep

REPORTS = 400
POINTS = 50
TERMS = {
    "SWEEPFRONT_RETAIN_ARTIFACTS_DAYS": "30",
    "SWEEPFRONT_RETAIN_LOGS_DAYS": "30",
    "SWEEPFRONT_RETAIN_METRICS_DAYS": "30",
    "SWEEPFRONT_RETAIN_METRICS_POINTS": str(POINTS),
    "SWEEPFRONT_RETAIN_EVENTS_DAYS": "30",
    "SWEEPFRONT_RETAIN_ARCHIVED_DAYS": "30",
}
LEAVES = f"""
import mlflow, sys
for step in range({REPORTS}):
    mlflow.log_metric("loss", ((step * 7919) % 1000) / 1000 + float(sys.argv[1]))
    if step % 100 == 0:
        print("step", step, flush=True)
open("outputs/model.pkl", "w").write(sys.argv[1] * 1000)
open("notes.txt", "w").write("left beside the outputs")
print("complained", file=sys.stderr)
"""
SLOW = """
import mlflow, sys, time
for _ in range(int(sys.argv[2])):
    mlflow.log_metric("loss", float(sys.argv[1]))
    time.sleep(float(sys.argv[3]))
"""
Files = dict[str, int]
Figures = dict[str, tuple[int, int, int]]

_SOCKETS = shutil.ignore_patterns("*.sock")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A code root whose script leaves files, prints, and reports often."""
    root = tmp_path_factory.mktemp("leaving")
    (root / "job").mkdir()
    (root / "job" / "leaves.py").write_text(LEAVES)
    (root / "job" / "slow.py").write_text(SLOW)
    return root


def _sweep(service: Served, name: str) -> None:
    space: Json = {"x": {"type": "choice", "values": [1, 2]}}
    body = document("python leaves.py ${{search_space.x}}", space, code="job", name=name)
    body["limits"] = {"max_total_trials": 2, "max_concurrent_trials": 2}
    service.submit({**body, "sampling_algorithm": "grid"})
    assert service.finished(name)["trial_counts"]["completed"] == 2


def _grow_old(url: str, *names: str) -> None:
    """Move the end of sweeps, and what was told of them, 100 days back."""
    long_ago = datetime.now(UTC) - timedelta(days=100)
    db = Database(url)
    with db.write() as session:
        archived = {"finished_at": long_ago, "archived_at": long_ago}
        session.execute(update(SWEEPS).where(SWEEPS.c.name.in_(names)).values(archived))
        session.execute(update(EVENTS).where(EVENTS.c.sweep.in_(names)).values(at=long_ago))
    db.close()


def _files(folder: Path) -> Files:
    """Length of every regular file below."""
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def _left_by_trials(engine: Path, name: str) -> tuple[Files, Files]:
    """Artifacts and logs of a sweep's trials."""
    found = _files(engine / "sweeps" / name / "trials")
    logs = {path: size for path, size in found.items() if re.search(r"^\d+/std\w+\.log$", path)}
    return {path: size for path, size in found.items() if path not in logs}, logs


def _rows(url: str, name: str) -> tuple[list[tuple[int, int]], list[int]]:
    """Reports of a sweep as (trial, interval), and ids of its events."""
    db = Database(url)
    with db.read() as session:
        of_sweep = select(SWEEPS.c.id).where(SWEEPS.c.name == name).scalar_subquery()
        reports = session.execute(
            select(METRICS.c.trial, METRICS.c.interval)
            .where(METRICS.c.sweep_id == of_sweep)
            .order_by(METRICS.c.trial, METRICS.c.interval)
        ).all()
        ids = session.scalars(select(EVENTS.c.id).where(EVENTS.c.sweep == name)).all()
    db.close()
    return [(row.trial, row.interval) for row in reports], sorted(ids)


def _begun(data: Path, url: str, *words: str, **more: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, **TERMS, "COLUMNS": "100", **more}
    environment |= {"SWEEPFRONT_DATA_DIR": str(data), "SWEEPFRONT_DATABASE_URL": url}
    return subprocess.Popen(
        [sys.executable, "-m", "app", "retention", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _retained(data: Path, url: str, *words: str, **more: str) -> Figures:
    """What the command printed: sweeps, things and bytes of each part."""
    out, err = _begun(data, url, *words, **more).communicate(timeout=120)
    assert not err, err
    rows = re.findall(r"(\w+) +│ +(\d+) +│ +(\d+) \w+ +│ +(\d+)", out)
    return {part: (int(sweeps), int(items), int(size)) for part, sweeps, items, size in rows}


def test_what_is_old_is_removed_and_nothing_else(
    records: str, leaving: Path, tmp_path: Path
) -> None:
    """Counted exactly by the dry run, which changes nothing; models and newer sweeps stay."""
    data, engine = tmp_path / "data", tmp_path / "data" / "engine"
    migrate(records)
    with served(data, code_root=leaving, database_url=records) as service:
        for name in ("old", "young", "gone"):
            _sweep(service, name)
        model = service.client.post("/v1/sweeps/old/register", json={"trial": 1}).json()
        assert service.client.delete("/v1/sweeps/gone").status_code == 204
        _grow_old(records, "old", "gone")
        live = service.submit(slow_sweep(2, 600, 0.05))["name"]
        service.until(live, lambda sweep: sweep["trial_counts"]["running"] == 2)
        history = service.get("/v1/sweeps/old/views/history")
        before = {name: _files(engine / "sweeps" / name) for name in ("old", "young", "gone")}
        rows = {name: _rows(records, name) for name in ("old", "young")}
        artifacts, logs = _left_by_trials(engine, "old")
        purged = [*_left_by_trials(engine, "gone")]

        counted = _retained(data, records, "--dry-run")
        after = {name: _files(engine / "sweeps" / name) for name in ("old", "young", "gone")}
        assert after == before
        assert {name: _rows(records, name) for name in ("old", "young")} == rows
        assert service.get("/v1/sweeps/old")["artifacts_removed_at"] is None
        removed = _retained(data, records, "--apply")
        assert removed == counted

        kept = _rows(records, "old")[0]
        assert counted["artifacts"] == (1, len(artifacts), sum(artifacts.values()))
        assert counted["logs"] == (1, len(logs), sum(logs.values()))
        assert counted["metrics"] == (1, 2 * REPORTS - len(kept), 0)
        assert counted["archived"] == (
            1,
            sum(map(len, purged)),
            sum(sum(files.values()) for files in purged),
        )
        assert counted["events"][0] == 1
        assert set(_files(engine / "sweeps" / "old")) == {"journal.jsonl", "sweep.json"}
        assert not (engine / "sweeps" / "gone").exists()
        assert _files(engine / "sweeps" / "young") == before["young"]
        assert _rows(records, "young") == rows["young"]
        _check_curves(service, kept)
        assert service.get("/v1/sweeps/old/views/history")["series"] == history["series"]
        _check_answers(service, model)
        assert _retained(data, records, "--apply") == dict.fromkeys(counted, (0, 0, 0))
        assert service.get(f"/v1/sweeps/{live}")["status"] == "running"
        service.client.post(f"/v1/sweeps/{live}/cancel")
        service.finished(live)
        _check_goes_on(service)


def _check_curves(service: Served, kept: list[tuple[int, int]]) -> None:
    """Few points, with both ends and the best of all."""
    for trial in (0, 1):
        intervals = [interval for number, interval in kept if number == trial]
        assert POINTS // 2 < len(intervals) <= POINTS
        assert (intervals[0], intervals[-1]) == (1, REPORTS)
        reports = service.items(f"/v1/sweeps/old/trials/{trial}/metrics?limit=100")
        best = service.get(f"/v1/sweeps/old/trials/{trial}")["objective_value"]
        assert min(report["value"] for report in reports) == best
        path = "/v1/sweeps/old/views/learning-curves"
        assert service.client.get(path).status_code == 200


def _check_answers(service: Served, model: Json) -> None:
    """What is gone is told in words, with the day; what was registered is there."""
    sweep = service.get("/v1/sweeps/old")
    today = sweep["artifacts_removed_at"][:10]
    trial = "/v1/sweeps/old/trials/1"
    register = {"model_name": "another", "trial": 0}
    for answer in (
        service.client.get(f"{trial}/artifacts/outputs/model.pkl"),
        service.client.get(f"{trial}/logs"),
        service.client.get(f"{trial}/logs?stream=stderr&tail=5"),
        service.client.post("/v1/sweeps/old/register", json=register),
    ):
        assert answer.status_code == 410, answer.text
        assert answer.json()["type"] == "/v1/problems/removed"
        assert f"removed by retention on {today}" in answer.json()["detail"]
    assert service.get(f"{trial}/artifacts")["items"] == []
    assert service.client.get(f"{trial}/artifacts/outputs/none").status_code == 410
    assert service.client.get("/v1/sweeps/young/trials/1/logs").text.startswith("step 0")
    missing = service.client.get("/v1/sweeps/young/trials/1/artifacts/outputs/none")
    assert missing.status_code == 404
    assert service.client.get("/v1/sweeps/gone").status_code == 404
    path = f"/v1/models/final_model/versions/{model['version']}/download"
    file = service.client.get(path)
    assert file.status_code == 200
    assert hashlib.sha256(file.content).hexdigest() == model["sha256"]
    page = service.client.get("/v1/sweeps/old/events").json()["items"]
    assert len(page) >= 1
    for view in VIEWS:
        assert service.client.get(f"/v1/sweeps/old/views/{view}").status_code == 200


def _check_goes_on(service: Served) -> None:
    """A trial that is run again has files again; the others still have none."""
    assert service.client.post("/v1/sweeps/old/trials/0/retry").status_code == 202
    service.until("old", lambda _: service.get("/v1/sweeps/old/trials/0")["attempt"] == 2)
    service.finished("old")
    trial = "/v1/sweeps/old/trials/0"
    assert service.client.get(f"{trial}/artifacts/outputs/model.pkl").status_code == 200
    assert service.client.get(f"{trial}/logs").text.startswith("step 0")
    assert len(service.items(f"{trial}/metrics?limit=100")) == REPORTS
    other = service.client.get("/v1/sweeps/old/trials/1/artifacts/outputs/model.pkl")
    assert other.status_code == 410


def test_the_service_does_it_by_itself(leaving: Path, tmp_path: Path) -> None:
    """In dry-run it only tells; once it is on, it removes, soon after its start."""
    data = tmp_path / "data"
    url = f"sqlite:///{data / 'sweepfront.db'}"

    def run(mode: str) -> Any:  # noqa: ANN401 - a context manager of Served
        environment = {**TERMS, "SWEEPFRONT_RETENTION": mode}
        return served(data, code_root=leaving, environment=environment)

    with run("off") as service:
        _sweep(service, "old")
        _grow_old(url, "old")
    before = _files(data / "engine" / "sweeps" / "old")
    with run("dry-run") as service:
        _until(lambda: "retention would remove artifacts of sweep old: 8 files" in service.log())
        assert service.get("/v1/sweeps/old")["metrics_thinned_at"] is None
    assert _files(data / "engine" / "sweeps" / "old") == before
    with run("on") as service:
        service.until("old", lambda sweep: sweep["events_removed_at"])
        _until(lambda: "retention removed artifacts of 1 sweeps: 8 files" in service.log())
    assert set(_files(data / "engine" / "sweeps" / "old")) == {"journal.jsonl", "sweep.json"}


def _until(condition: Any, *, within: float = 60.0) -> None:  # noqa: ANN401 - a test's lambda
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_killed_round_is_gone_on_with(leaving: Path, tmp_path: Path) -> None:
    """Killed again and again it ends as one that was left alone; no service runs meanwhile."""
    with served(tmp_path / "data", code_root=leaving) as service:
        for place in range(4):
            _sweep(service, f"old-{place}")
        assert service.client.delete("/v1/sweeps/old-3").status_code == 204
        service.stop()
    _grow_old(f"sqlite:///{tmp_path / 'data' / 'sweepfront.db'}", *(f"old-{n}" for n in range(4)))
    found = []
    for name in ("alone", "killed"):
        data = tmp_path / name
        shutil.copytree(tmp_path / "data", data, symlinks=True, ignore=_SOCKETS)
        url = f"sqlite:///{data / 'sweepfront.db'}"
        if name == "killed":
            kills = 0
            while _killed_at_the_next_step(data, url):
                kills += 1
            print(f"{kills} rounds were cut off, each after it had removed something")
            assert kills >= 6
        _retained(data, url, "--apply")
        rows = [_rows(url, f"old-{n}")[0] for n in range(4)]
        found.append((_files(data / "engine" / "sweeps"), rows, _noted(url)))
    assert found[0] == found[1]
    assert {Path(path).name for path in found[0][0]} == {"journal.jsonl", "sweep.json"}


def _killed_at_the_next_step(data: Path, url: str) -> bool:
    """Begin a round and kill it as soon as something is gone; False: there was nothing left."""
    before = _left(data, url)
    process = _begun(data, url, "--apply")
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
    return len(_files(data / "engine" / "sweeps")), *counts


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
    assert _retained(data, url, "--dry-run") == dict.fromkeys(
        ("archived", "artifacts", "logs", "metrics", "events"), (0, 0, 0)
    )
    db = Database(url)
    assert chores.claim(db, "retention", "somebody", lease=60)
    refused = _begun(data, url, "--apply")
    assert "another process is at it" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 2
    _retained(data, url, "--dry-run")
    db.close()
    neither = _begun(data, url)
    assert "give one of --dry-run and --apply" in neither.communicate(timeout=60)[1]
    assert neither.returncode == 2
    nothing = dict.fromkeys(TERMS, "") | {"SWEEPFRONT_RETAIN_METRICS_POINTS": "50"}
    process = _begun(data, url, "--dry-run", **nothing)
    assert "nothing is to be removed" in process.communicate(timeout=60)[0]
