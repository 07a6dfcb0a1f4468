"""Two services on one data folder: they share its engine, which ends with the last of them."""

import os
import signal
from pathlib import Path

import pytest

from tests.served import Json, Served, document, half_done, served, slow_sweep

POINTS = 10


def _local(service: Served) -> Json:
    (local,) = service.get("/v1/backends")["items"]
    return dict(local)


def _attempts(service: Served, name: str) -> list[int]:
    """The attempts of all trials, once each is there once with its reports, none of them twice."""
    sweep = service.finished(name)
    assert sweep["status"] == "completed"
    trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
    assert sorted(trial["parameters"]["level"] for trial in trials) == list(range(POINTS))
    for trial in trials:
        path = f"/v1/sweeps/{name}/trials/{trial['number']}/metrics?limit=100"
        assert [report["interval"] for report in service.items(path)] == list(range(1, 13))
    return [trial["attempt"] for trial in trials]


@pytest.mark.slow
def test_the_second_service_says_so_and_the_engine_ends_with_the_last(
    tmp_path: Path, scripts: Path
) -> None:
    """Either may stop: no trial is interrupted, and the settings of the first count until the end."""
    data = tmp_path / "data"
    with served(data, code_root=scripts, slots=2) as first:
        name = first.submit(slow_sweep(POINTS, 12, 0.1))["name"]
        first.until(name, half_done)
        engine = first.engine_pid()
        with served(data, code_root=scripts, slots=3) as second:
            assert second.engine_pid() == engine
            local = _local(second)
            assert local["healthy"]
            assert local["slots"] == 2
            assert "1 other service uses this folder" in local["health"]
            assert "SWEEPFRONT_LOCAL_SLOTS=2" in local["health"]
            assert "1 other service uses this folder" in second.log()
            assert "1 other service uses this folder" in _local(first)["health"]
            first.stop()
            assert second.engine_pid() == engine
            assert set(_attempts(second, name)) == {1}
            assert "other service" not in _local(second)["health"]
    assert not first.processes()


@pytest.mark.slow
def test_the_second_service_starts_another_engine_when_it_is_gone(
    tmp_path: Path, scripts: Path
) -> None:
    """Both look at the sweeps; what was interrupted runs again, and nothing is counted twice."""
    data = tmp_path / "data"
    with served(data, code_root=scripts) as first, served(data, code_root=scripts) as second:
        name = first.submit(slow_sweep(POINTS, 12, 0.1))["name"]
        first.until(name, half_done)
        engine = first.engine_pid()
        first.kill()
        os.kill(engine, signal.SIGTERM)
        attempts = _attempts(second, name)
        assert second.engine_pid() != engine
        assert 1 <= attempts.count(2) <= 2
        assert attempts.count(1) == POINTS - attempts.count(2)


@pytest.mark.slow
def test_services_with_databases_of_their_own_share_the_engine_by_name(
    tmp_path: Path, scripts: Path
) -> None:
    """A name that the other one has used for another document is refused by the engine."""
    data = tmp_path / "data"
    url = f"sqlite:///{tmp_path / 'second.db'}"
    with (
        served(data, code_root=scripts) as first,
        served(data, code_root=scripts, database_url=url) as second,
    ):
        space = {"x": {"type": "choice", "values": [1]}}
        body = document("python fast.py", space, code="job", name="mine")
        first.submit(body)
        assert first.finished("mine")["status"] == "completed"
        second.submit({**body, "name": "mine", "limits": {"max_total_trials": 2}})
        sweep = second.finished("mine")
        assert sweep["status"] == "failed"
        assert "another sweep named mine" in sweep["status_reason"]
        other = second.submit({**body, "name": "yours"})["name"]
        assert second.finished(other)["status"] == "completed"
