"""Sweeps that ended long ago, and the command that removes what is old of them."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update

from app.store.database import Database
from app.store.tables import EVENTS, METRICS, SWEEPS
from tests.served import ROOT, Json, Served, document

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


def run_sweep(service: Served, name: str) -> None:
    """Have a sweep of two trials run to its end."""
    space: Json = {"x": {"type": "choice", "values": [1, 2]}}
    body = document("python leaves.py ${{search_space.x}}", space, code="job", name=name)
    body["limits"] = {"max_total_trials": 2, "max_concurrent_trials": 2}
    service.submit({**body, "sampling_algorithm": "grid"})
    assert service.finished(name)["trial_counts"]["completed"] == 2


def grow_old(url: str, *names: str) -> None:
    """Move the end of sweeps, and what was told of them, 100 days back."""
    long_ago = datetime.now(UTC) - timedelta(days=100)
    db = Database(url)
    with db.write() as session:
        archived = {"finished_at": long_ago, "archived_at": long_ago}
        session.execute(update(SWEEPS).where(SWEEPS.c.name.in_(names)).values(archived))
        session.execute(update(EVENTS).where(EVENTS.c.sweep.in_(names)).values(at=long_ago))
    db.close()


def files_below(folder: Path) -> Files:
    """Length of every regular file below."""
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def left_by_trials(engine: Path, name: str) -> tuple[Files, Files]:
    """Artifacts and logs of a sweep's trials."""
    found = files_below(engine / "sweeps" / name / "trials")
    logs = {path: size for path, size in found.items() if re.search(r"^\d+/std\w+\.log$", path)}
    return {path: size for path, size in found.items() if path not in logs}, logs


def rows_of(url: str, name: str) -> tuple[list[tuple[int, int]], list[int]]:
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


def begun(data: Path, url: str, *words: str, **more: str) -> "subprocess.Popen[str]":
    """The command `retention` with these words and settings, just started."""
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


def retained(data: Path, url: str, *words: str, **more: str) -> Figures:
    """What the command printed: sweeps, things and bytes of each part."""
    out, err = begun(data, url, *words, **more).communicate(timeout=120)
    assert not err, err
    rows = re.findall(r"(\w+) +│ +(\d+) +│ +(\d+) \w+ +│ +(\d+)", out)
    return {part: (int(sweeps), int(items), int(size)) for part, sweeps, items, size in rows}
