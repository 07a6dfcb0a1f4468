"""What must be true of the files at the end: databases, MLflow's runs and models, journals."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from app.engine.journal import read
from app.engine.workspace import Workspace
from app.sweep.state import Trial
from tests.chaos.notes import Accepted, Notes
from tests.served import Json

_RUN_STATUS = {"completed": "FINISHED", "failed": "FAILED", "early_terminated": "KILLED"}
_RUNS = """
select r.run_uuid, r.status, s.value as sweep, t.value as trial
from runs r join tags s on s.run_uuid = r.run_uuid and s.key = 'sweepfront.sweep'
join tags t on t.run_uuid = r.run_uuid and t.key = 'sweepfront.trial'
"""
_VERSIONS = """
select v.name, s.value as sweep, t.value as trial
from model_versions v
join model_version_tags s on s.name = v.name and s.version = v.version
  and s.key = 'sweepfront.sweep'
join model_version_tags t on t.name = v.name and t.version = v.version
  and t.key = 'sweepfront.trial'
"""


def check_databases(data: Path, notes: Notes) -> None:
    """Both databases are whole."""
    for path in (*data.glob("*.db"), data / "engine" / "mlflow.db"):
        found = _rows(path, "PRAGMA integrity_check") + _rows(path, "PRAGMA foreign_key_check")
        if found != [("ok",)]:
            notes.broken(f"{path.name}: {found[:3]}")


def check_mlflow(
    data: Path, notes: Notes, trials: Mapping[str, Sequence[Json]], versions: Sequence[Json]
) -> None:
    """Each trial's last attempt is a run with its values; no run is open or has a value twice."""
    path = data / "engine" / "mlflow.db"
    runs = {run[0]: run[1:] for run in _rows(path, _RUNS)}
    for run, (status, sweep, trial) in runs.items():
        if status == "RUNNING":
            notes.broken(f"MLflow's run {run} of {sweep} trial {trial or 'none'} is still open")
    values = _values(path, notes)
    parents = Counter(sweep for _, sweep, trial in runs.values() if trial == "")
    for name, found in trials.items():
        if parents[name] != 1:
            notes.broken(f"MLflow has {parents[name]} runs for {name}")
        for trial in found:
            for words in _run(runs, values, notes.accepted[name], trial):
                notes.broken(f"{name} trial {trial['number']}: {words}")
    registered = Counter((name, sweep, trial) for name, sweep, trial in _rows(path, _VERSIONS))
    wanted = Counter((v["model_name"], v["sweep"], str(v["trial"])) for v in versions)
    if registered != wanted:
        notes.broken(
            f"MLflow's versions {registered - wanted}, the service's {wanted - registered}"
        )


def _values(path: Path, notes: Notes) -> Mapping[str, Mapping[str, Sequence[float]]]:
    """The values by run and metric, as they were logged; the script gives each step one."""
    values: defaultdict[str, defaultdict[str, list[float]]]
    values = defaultdict(lambda: defaultdict(list))
    steps: Counter[tuple[str, str, int]] = Counter()
    query = "select run_uuid, key, value, step from metrics order by timestamp, step"
    for run, key, value, step in _rows(path, query):
        values[run][key].append(value)
        steps[run, key, step] += 1
    for place, count in steps.items():
        if count > 1:
            notes.broken(f"MLflow has the value of {place} {count} times")
    return values


def _run(
    runs: Mapping[str, tuple[Any, ...]],
    values: Mapping[str, Mapping[str, Sequence[float]]],
    sweep: Accepted,
    trial: Json,
) -> Iterator[str]:
    run = runs.get(trial["provider_run_id"])
    if run is None:
        yield f"MLflow has no run {trial['provider_run_id']} ({trial['status']})"
        return
    if run[0] != _RUN_STATUS.get(trial["status"]):
        yield f"MLflow's run is {run[0]}, the trial {trial['status']}"
    logged = values.get(trial["provider_run_id"], {})
    for name in sweep.plan.metrics:
        own = logged.get(name, ())
        if trial["status"] == "completed" and len(own) != sweep.plan.steps:
            yield f"MLflow has {len(own)} values of {name}, not {sweep.plan.steps}"
        if own and trial["metrics"].get(name) != own[-1]:
            yield f"the last {name} is {trial['metrics'].get(name)}, MLflow's {own[-1]}"


def check_journals(data: Path, notes: Notes) -> Counter[str]:
    """What happened, from the engine's own history; how often trials were interrupted."""
    workspace = Workspace(data / "engine")
    reasons: Counter[str] = Counter()
    for name in workspace.names():
        entries, _, _ = read(workspace.journal(name))
        last: dict[int, Trial] = {}
        for trial in (entry.trial for entry in entries if entry.trial):
            before = last.get(trial.number)
            last[trial.number] = trial
            if trial.status == "queued" and str(trial.status_reason).startswith("interrupted"):
                reasons[str(trial.status_reason)] += 1
            if before is None:
                continue
            if trial.parameters != before.parameters:
                notes.broken(f"{name} trial {trial.number} changed its parameters")
            if trial.attempt not in (before.attempt, before.attempt + 1):
                notes.broken(f"{name} trial {trial.number}: {before.attempt}, {trial.attempt}")
            if trial.attempt == before.attempt and before.status.finished:
                notes.broken(f"{name} trial {trial.number} ended twice")
        places = Counter(
            (m.trial, m.attempt, m.name, m.interval) for e in entries if (m := e.metric)
        )
        for place, count in places.items():
            if count > 1:
                notes.broken(f"{name}: report {place} is in the journal {count} times")
    return reasons


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
