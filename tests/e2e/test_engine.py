"""What scripts may do inside a trial, and how trials share the machine."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.served import Json, Served, document, served

ONE = {"x": {"type": "choice", "values": [1]}}
SCRIPTS = {
    "mlflow_user.py": """
import mlflow, pathlib
mlflow.log_param("x", "spelled otherwise")
mlflow.set_tag("colour", "blue")
mlflow.log_metrics({"loss": 2.0, "other": 5.0})
pathlib.Path("notes.txt").write_text("kept")
mlflow.log_artifact("notes.txt", artifact_path="deep")
with mlflow.start_run(nested=True):
    mlflow.log_metric("loss", -1.0)
print(mlflow.active_run().info.run_id)
""",
    "autologging.py": """
import mlflow, warnings
mlflow.sklearn.autolog(log_models=False)
from sklearn.linear_model import LinearRegression
LinearRegression().fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
mlflow.log_metric("loss", 0.5)
""",
    "threads.py": """
import mlflow, threading
mlflow.log_metric("loss", 1.0)
run = mlflow.active_run().info.run_id
def log(n):
    for i in range(50):
        mlflow.log_metric(f"m{n}", i, run_id=run)
threads = [threading.Thread(target=log, args=(n,)) for n in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
""",
    "children.py": """
import subprocess, sys
code = "import mlflow; mlflow.log_metric('loss', 3.0)"
subprocess.run([sys.executable, "-c", code], check=True)
""",
    "foreign.py": """
import mlflow, os
from mlflow.tracking import MlflowClient
mlflow.log_metric("loss", 1.0)
try:
    MlflowClient().delete_run(os.environ["MLFLOW_RUN_ID"])
except Exception as error:
    print("refused:", error)
print("secret:", os.environ.get("SWEEPFRONT_DATABASE_URL"))
print("variable:", os.environ["MINE"])
""",
    "escape.py": """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
import mlflow
mlflow.log_metric("loss", 1.0)
""",
    "endless.py": """
import time, mlflow
mlflow.log_metric("loss", 1.0)
time.sleep(600)
""",
    "random_numbers.py": """
import numpy, mlflow
mlflow.log_metric("loss", float(numpy.random.random()))
""",
}


@pytest.fixture(scope="module")
def job(scripts: Path) -> str:
    """A second folder of scripts in the code root."""
    folder = scripts / "engine_job"
    folder.mkdir(exist_ok=True)
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    return folder.name


def _run(service: Served, job: str, script: str, **more: Any) -> tuple[str, Json]:  # noqa: ANN401 - any key of the document
    """Run one trial of a script; the sweep's name and its trial."""
    limits = {"max_total_trials": 1}
    body = document(f"python {script}", ONE, code=job, **{"limits": limits, **more})
    name = service.submit(body)["name"]
    service.finished(name)
    return name, service.get(f"/v1/sweeps/{name}/trials/0")


def _await_status(store: sqlite3.Connection, run: str, wanted: str) -> None:
    """MLflow's store is written after the engine's own records, by a thread that nobody waits for."""
    deadline = time.monotonic() + 30
    query = "SELECT 1 FROM runs WHERE run_uuid = ? AND status = ?"
    while store.execute(query, [run, wanted]).fetchone() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_script_uses_mlflow_as_anywhere(service: Served, job: str) -> None:
    """Params, tags, several metrics, artifacts and nested runs; only its own run's reports count."""
    name, trial = _run(service, job, "mlflow_user.py")
    assert trial["status"] == "completed", trial
    assert trial["metrics"] == {"loss": 2.0, "other": 5.0}
    artifacts = service.get(f"/v1/sweeps/{name}/trials/0/artifacts")["items"]
    assert "deep/notes.txt" in [artifact["path"] for artifact in artifacts]
    path = f"/v1/sweeps/{name}/trials/0/artifacts/deep/notes.txt"
    assert service.client.get(path).text == "kept"
    log = service.client.get(f"/v1/sweeps/{name}/trials/0/logs").text
    assert log.strip() == trial["provider_run_id"]
    with sqlite3.connect(service.data / "engine" / "mlflow.db") as store:
        _await_status(store, log.strip(), "FINISHED")
        rows = dict(
            store.execute("SELECT key, value FROM params WHERE run_uuid = ?", [log.strip()])
        )
        tags = dict(store.execute("SELECT key, value FROM tags WHERE run_uuid = ?", [log.strip()]))
    assert rows == {"x": "spelled otherwise"}
    assert tags["sweepfront.parameters"] == '{"x": 1}'
    assert tags["colour"] == "blue"


def test_autolog_threads_and_child_processes_reach_the_engine(service: Served, job: str) -> None:
    """However the values are logged, they are counted."""
    _, trial = _run(service, job, "autologging.py")
    assert trial["status"] == "completed", trial
    assert trial["metrics"]["loss"] == 0.5
    name, trial = _run(service, job, "threads.py")
    assert trial["status"] == "completed", trial
    for n in range(4):
        path = f"/v1/sweeps/{name}/trials/0/metrics?name=m{n}&limit=200"
        assert [report["value"] for report in service.items(path)] == list(range(50))
    _, trial = _run(service, job, "children.py")
    assert trial["objective_value"] == 3.0


def test_a_trial_reaches_only_what_is_its_own(service: Served, job: str) -> None:
    """No deletion of runs, none of the service's variables; its own are set."""
    trial = {
        "command": "python foreign.py",
        "code": job,
        "environment_variables": {"MINE": "yes"},
    }
    name, _ = _run(service, job, "foreign.py", trial=trial)
    log = service.client.get(f"/v1/sweeps/{name}/trials/0/logs").text
    assert "refused: " in log
    assert "secret: None" in log
    assert "variable: yes" in log


def test_what_a_trial_leaves_running_is_killed_with_it(service: Served, job: str) -> None:
    """Even a child that made itself a session of its own."""
    name, trial = _run(service, job, "escape.py")
    assert trial["status"] == "completed"
    deadline = time.monotonic() + 5
    marker = f"SWEEPFRONT_TRIAL={name}."
    while _marked(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _marked(marker)


def _marked(marker: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def test_global_random_generators_differ_between_trials(service: Served, job: str) -> None:
    """Forks of one parent do not share numpy's state."""
    limits = {"max_total_trials": 6, "max_concurrent_trials": 2}
    body = document("python random_numbers.py", ONE, code=job, limits=limits)
    name = service.submit(body)["name"]
    service.finished(name)
    trials = service.items(f"/v1/sweeps/{name}/trials")
    assert len({trial["objective_value"] for trial in trials}) == 6


def test_one_trial_is_canceled_and_the_others_go_on(service: Served, job: str) -> None:
    """Its status says so; the sweep completes with the rest."""
    space = {"script": {"type": "choice", "values": ["endless.py", "threads.py"]}}
    body = document("python ${{search_space.script}}", space, code=job, sampling_algorithm="grid")
    name = service.submit(body)["name"]
    path = f"/v1/sweeps/{name}/trials/0"
    service.until(
        name,
        lambda _: service.client.get(path).status_code == 200 and service.get(path)["metrics"],
    )
    assert service.client.post(f"{path}/cancel").status_code == 202
    sweep = service.finished(name)
    assert sweep["status"] == "completed"
    assert sweep["trial_counts"]["canceled"] == 1
    assert service.get(path)["status"] == "canceled"
    assert service.client.post(f"{path}/cancel").status_code == 409


def test_two_sweeps_share_the_slots_fairly(service: Served) -> None:
    """The second one starts before the first has ended, and never more trials run than slots."""
    space = {"level": {"type": "choice", "values": list(range(6))}}
    limits = {"max_total_trials": 6, "max_concurrent_trials": 6}
    body = document(
        "python slow.py ${{search_space.level}} 4 0.05",
        space,
        code="job",
        limits=limits,
        sampling_algorithm="grid",
    )
    names = [service.submit(body)["name"] for _ in range(2)]
    spans = []
    for name in names:
        service.finished(name)
        trials = service.items(f"/v1/sweeps/{name}/trials")
        spans.append([(trial["started_at"], trial["finished_at"]) for trial in trials])
    assert min(start for start, _ in spans[1]) < max(end for _, end in spans[0])
    moments = [(start, 1) for span in spans for start, _ in span]
    moments += [(end, -1) for span in spans for _, end in span]
    running = peak = 0
    for _, change in sorted(moments, key=lambda moment: (moment[0], moment[1])):
        running += change
        peak = max(peak, running)
    assert peak == 2


def test_extra_limits_end_a_sweep(service: Served) -> None:
    """So many failures, or a value that is good enough."""
    space = {"x": {"type": "choice", "values": [1, 0.5, 0.3, 0.2, 0.1]}}
    limits = {"max_total_trials": 5, "max_concurrent_trials": 1}
    body = document(
        "python quadratic.py --x ${{search_space.x}}",
        space,
        code="job",
        limits=limits,
        sampling_algorithm="grid",
        extra_limits={"target_value": 1.01},
    )
    name = service.submit(body)["name"]
    sweep = service.finished(name)
    assert sweep["status"] == "completed"
    assert "target_value" in sweep["status_reason"]
    assert sweep["trial_counts"]["total"] == 3
    body["trial"]["command"] = "python fails.py ${{search_space.x}}"
    body["extra_limits"] = {"max_failed_trials": 2}
    sweep = service.finished(service.submit(body)["name"])
    assert sweep["status"] == "failed"
    assert sweep["trial_counts"]["failed"] == 2


@pytest.mark.slow
def test_a_workspace_deeper_than_a_socket_address_works(tmp_path: Path, scripts: Path) -> None:
    """Unix sockets take 107 bytes; folders may be deeper."""
    data = tmp_path / ("d" * 60) / ("e" * 60) / "data"
    data.parent.mkdir(parents=True)
    with served(data, code_root=scripts) as service:
        name = service.submit(document("python fast.py", ONE, code="job"))["name"]
        assert service.finished(name)["status"] == "completed"


def test_the_fork_parent_may_die(service: Served, job: str) -> None:
    """Its trials run again as their next attempt."""
    limits = {"max_total_trials": 1}
    body = document("python slow.py 1 20 0.05", ONE, code="job", limits=limits)
    name = service.submit(body)["name"]
    assert job
    service.until(name, lambda sweep: sweep["trial_counts"]["running"] == 1)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            above = Path(f"/proc/{parent}/cmdline").read_bytes()
        except OSError:
            continue
        if b"app.engine.fork_parent" in words and str(service.data).encode() in above:
            os.kill(int(folder.name), signal.SIGKILL)
    assert service.finished(name)["status"] == "completed"
    trial = service.get(f"/v1/sweeps/{name}/trials/0")
    assert trial["attempt"] == 2
    assert len(service.items(f"/v1/sweeps/{name}/trials/0/metrics?limit=200")) == 20


def test_the_service_starts_without_heavy_libraries() -> None:
    """Importing the application pulls in neither MLflow nor scipy nor scikit-learn."""
    code = (
        "import sys, app.main; "
        "print([m for m in ('mlflow', 'scipy', 'sklearn', 'pandas', 'azure') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
