"""Kills and stops in the middle of the work: nothing is lost, nothing runs twice, nothing is left."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.served import Json, Served, half_done, served, slow_sweep

POINTS = 10
TAKEN_OVER_SECONDS = 30.0
"""Two leases: what nobody looked at for want of a service is known then, ended or not."""


@pytest.fixture
def ten_points() -> Json:
    """Ten points, each some tenths of a second, as a grid."""
    return slow_sweep(POINTS, 6, 0.05)


def _check_each_point_once(service: Served, name: str) -> list[Json]:
    sweep = service.finished(name, within=TAKEN_OVER_SECONDS)
    assert sweep["status"] == "completed"
    assert sweep["trial_counts"]["completed"] == sweep["trial_counts"]["total"] == POINTS
    trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
    assert sorted(trial["parameters"]["level"] for trial in trials) == list(range(POINTS))
    for trial in trials:
        path = f"/v1/sweeps/{name}/trials/{trial['number']}/metrics"
        assert [report["interval"] for report in service.items(path)] == list(range(1, 7))
    return trials


def test_a_killed_service_finishes_its_sweep_after_the_next_start(
    tmp_path: Path, scripts: Path, ten_points: Json
) -> None:
    """The engine goes on, the next service adopts it, and no trial runs a second time."""
    with served(tmp_path / "data", code_root=scripts) as service:
        name = service.submit(ten_points)["name"]
        service.until(name, half_done)
        engine = service.engine_pid()
        service.kill()
        time.sleep(0.3)
        service.start()
        assert service.engine_pid() == engine
        trials = _check_each_point_once(service, name)
        assert {trial["attempt"] for trial in trials} == {1}


@pytest.mark.slow
def test_a_killed_service_whose_work_ended_meanwhile_learns_of_it(
    tmp_path: Path, scripts: Path, ten_points: Json
) -> None:
    """What the engine did while nobody looked is read from its journal."""
    with served(tmp_path / "data", code_root=scripts) as service:
        name = service.submit(ten_points)["name"]
        service.until(name, half_done)
        service.kill()
        time.sleep(4)
        service.start()
        _check_each_point_once(service, name)


@pytest.mark.slow
def test_a_killed_engine_takes_its_trials_with_it_and_is_replaced(
    tmp_path: Path, scripts: Path, ten_points: Json
) -> None:
    """Interrupted trials run again as their next attempt; finished ones do not."""
    with served(tmp_path / "data", code_root=scripts) as service:
        name = service.submit(ten_points)["name"]
        service.until(name, half_done)
        engine = service.engine_pid()
        os.kill(engine, signal.SIGKILL)
        trials = _check_each_point_once(service, name)
        assert service.engine_pid() != engine
        attempts = [trial["attempt"] for trial in trials]
        assert 1 <= attempts.count(2) <= 2
        assert attempts.count(1) == POINTS - attempts.count(2)
        best = service.get(f"/v1/sweeps/{name}/best-trial")
        assert best["parameters"] == {"level": 0}


@pytest.mark.slow
def test_service_and_engine_killed_together_resume(
    tmp_path: Path, scripts: Path, ten_points: Json
) -> None:
    """A power cut, as far as processes see it."""
    with served(tmp_path / "data", code_root=scripts) as service:
        name = service.submit(ten_points)["name"]
        service.until(name, half_done)
        engine = service.engine_pid()
        service.kill()
        os.kill(engine, signal.SIGKILL)
        time.sleep(0.5)
        assert not service.processes()
        service.start()
        _check_each_point_once(service, name)


@pytest.mark.slow
def test_a_stopped_service_ends_everything_and_goes_on_later(
    tmp_path: Path, scripts: Path, ten_points: Json
) -> None:
    """SIGTERM leaves no process behind; the sweep stays running and is finished later."""
    with served(tmp_path / "data", code_root=scripts) as service:
        name = service.submit(ten_points)["name"]
        service.until(name, half_done)
        service.stop()
        assert not service.processes()
        service.start()
        assert service.get(f"/v1/sweeps/{name}")["status"] in ("running", "completed")
        _check_each_point_once(service, name)


@pytest.mark.slow
def test_a_finished_sweep_is_untouched_by_a_restart(
    tmp_path: Path, scripts: Path, ten_points: Json
) -> None:
    """Records, best trial and logs read the same; registering again gives the same version."""
    ten_points["trial"]["command"] = "python quadratic.py --x ${{search_space.level}}"

    def read(service: Served, name: str) -> list[Any]:
        sweep = service.get(f"/v1/sweeps/{name}")
        trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
        return [{key: value for key, value in sweep.items() if key != "last_synced_at"}, trials]

    with served(tmp_path / "data", code_root=scripts) as service:
        name = service.submit(ten_points)["name"]
        service.finished(name)
        first = service.client.post(f"/v1/sweeps/{name}/register")
        assert first.status_code == 201, first.text
        before = read(service, name)
        service.stop()
        service.start()
        assert read(service, name) == before
        again = service.client.post(f"/v1/sweeps/{name}/register")
        assert (again.status_code, again.json()) == (200, first.json())
