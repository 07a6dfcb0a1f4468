"""What a kill leaves to others than the sweep: MLflow's store, and the children of trials."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from app.engine.mlflow_file import open_store
from tests.chaos.processes import Process, house
from tests.served import ROOT, Json, document, served

VALUES = """
import sys, time, mlflow
for step in range(20):
    mlflow.log_metric("loss", float(20 - step), step=step)
if sys.argv[1] == "1":
    time.sleep(1.5)
"""
CHILDREN = """
import os, pathlib, subprocess, time, mlflow
mlflow.log_metric("loss", 1.0)
started = subprocess.Popen(["sleep", "611"], start_new_session=True)
forked = os.fork()
if forked == 0:
    os.setsid()
    time.sleep(611)
folder = pathlib.Path(__file__).parent / "outputs"
(folder / "draft").write_text(f"{started.pid} {forked}")
(folder / "draft").rename(folder / "children")
time.sleep(2)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A code root of our own."""
    root = tmp_path_factory.mktemp("code")
    (root / "job").mkdir()
    (root / "job" / "values.py").write_text(VALUES)
    (root / "job" / "children.py").write_text(CHILDREN)
    return root


def _sweep(script: str) -> Json:
    return document(
        f"python {script} ${{{{search_space.level}}}}",
        {"level": {"type": "choice", "values": [0, 1]}},
        code="job",
        sampling_algorithm="grid",
        limits={"max_total_trials": 2, "max_concurrent_trials": 1},
    )


def test_mlflow_has_every_value_of_a_trial_that_ended_just_before_a_kill(
    tmp_path: Path, code: Path
) -> None:
    """Writes gather for half a second; what was lost of them is made up for by the next engine."""
    with served(tmp_path / "data", code_root=code) as service:
        name = service.submit(_sweep("values.py"))["name"]
        service.until(name, lambda sweep: sweep["trial_counts"]["completed"] == 1)
        os.kill(service.engine_pid(), signal.SIGKILL)
        service.finished(name)
        trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
        service.stop()
    client = MlflowClient(f"sqlite:///{tmp_path / 'data' / 'engine' / 'mlflow.db'}")
    assert [trial["attempt"] for trial in trials] == [1, 2]
    for trial in trials:
        run = client.get_run(trial["provider_run_id"])
        assert run.info.status == "FINISHED"
        history = client.get_metric_history(run.info.run_id, "loss")
        assert [value.value for value in history] == [float(20 - step) for step in range(20)]
        assert run.data.tags["sweepfront.trial"] == str(trial["number"])
        assert client.get_run(run.data.tags["mlflow.parentRunId"]).info.status == "FINISHED"
    everything = client.search_runs([run.info.experiment_id])
    assert [run for run in everything if run.info.status == "RUNNING"] == []


def test_a_trial_that_is_stopped_before_it_runs_leaves_no_open_run(
    tmp_path: Path, code: Path
) -> None:
    """Its run is asked for first; MLflow, which lays out its store, makes it after the cancel."""
    with served(tmp_path / "data", code_root=code) as service:
        name = service.submit(_sweep("values.py"))["name"]
        journal = service.data / "engine" / "sweeps" / name / "journal.jsonl"
        service.until(name, lambda _: journal.exists() and journal.stat().st_size > 0)
        assert service.client.post(f"/v1/sweeps/{name}/cancel").status_code == 202
        assert service.finished(name)["status"] == "canceled"
        service.stop()
    client = MlflowClient(f"sqlite:///{tmp_path / 'data' / 'engine' / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    runs = client.search_runs(experiments)
    assert len(runs) >= 2
    assert {run.info.status for run in runs} == {"KILLED"}


def _await_gone(processes: list[Process]) -> None:
    deadline = time.monotonic() + 10
    while left := [each.words for each in processes if each.lives()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def test_no_child_outlives_its_trial_or_the_fork_parent(tmp_path: Path, code: Path) -> None:
    """In a session of its own, whether it runs a program or is only forked."""
    with served(tmp_path / "data", code_root=code) as service:

        def of_a_trial(number: int) -> list[Process]:
            trials = service.data / "engine" / "sweeps" / name / "trials"
            path = trials / str(number) / "code" / "outputs" / "children"
            service.until(name, lambda _: path.exists())
            pids = [int(word) for word in path.read_text().split()]
            return [each for each in house(service.data).everybody if each.pid in pids]

        name = service.submit(_sweep("children.py"))["name"]
        interrupted = of_a_trial(0)
        assert len(interrupted) == 2
        fork_parent = house(service.data).fork_parent
        assert fork_parent is not None
        assert fork_parent.kill()
        service.until(name, lambda _: house(service.data).trials)
        _await_gone(interrupted)
        ended = of_a_trial(1)
        assert len(ended) == 2
        assert service.finished(name)["status"] == "completed"
        _await_gone(ended)


LAY_OUT = """
import sys, pathlib
from app.engine.mlflow_file import open_store
open_store(pathlib.Path(sys.argv[1]))
"""


def test_mlflows_store_survives_a_kill_while_it_is_laid_out(tmp_path: Path) -> None:
    """What was begun is begun anew: MLflow cannot go on where a table is half changed."""

    def half_changed() -> bool:
        for path in tmp_path.glob("mlflow.db*"):
            with (
                contextlib.suppress(sqlite3.Error),
                contextlib.closing(sqlite3.connect(path)) as db,
            ):
                query = (
                    "select 1 from sqlite_master where name like '\\_alembic\\_tmp%' escape '\\'"
                )
                if db.execute(query).fetchone():
                    return True
        return False

    laying_out = subprocess.Popen([sys.executable, "-c", LAY_OUT, str(tmp_path)], cwd=ROOT)
    while not half_changed():
        assert laying_out.poll() is None
    laying_out.kill()
    laying_out.wait()
    store = open_store(tmp_path)
    assert [each.name for each in store.search_experiments()] == ["Default"]
