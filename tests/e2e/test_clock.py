"""The wall clock set back and forward by hours under a running service and its engine."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.clocks import WallClock
from tests.disks import no_longer_files
from tests.served import Served, half_done, served, slow_sweep

POINTS = 8
STEPS = 12
HOUR = 3600.0

pytestmark = pytest.mark.slow


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    """Tells the right time at first."""
    folder = tmp_path / "clock"
    folder.mkdir()
    return WallClock(folder)


@pytest.fixture
def service(tmp_path: Path, scripts: Path, clock: WallClock) -> Iterator[Served]:
    """A service that goes by that clock."""
    with served(tmp_path / "data", code_root=scripts, environment=clock.environment) as running:
        yield running


def _seen(service: Served, name: str, number: int) -> list[str]:
    """The states of a trial in the order of its events."""
    events = service.get(f"/v1/sweeps/{name}/events?limit=200")["items"]
    of_trials = [event["data"] for event in events if event["type"] == "trial.status"]
    return [str(data["status"]) for data in of_trials if data["number"] == number]


@pytest.mark.parametrize("step", [-2 * HOUR, 2 * HOUR], ids=["back", "forward"])
def test_a_sweep_goes_on_through_a_step_of_the_clock(
    service: Served, clock: WallClock, step: float
) -> None:
    """No trial or sweep runs out of time, nothing ends before it began, all is in order."""
    name = service.submit(slow_sweep(POINTS, STEPS, 0.1, timeout=600, trial_timeout=300))["name"]
    before = service.until(name, half_done)["last_synced_at"]
    clock.set(step)
    sweep = service.finished(name)
    moved = datetime.fromisoformat(sweep["last_synced_at"]) - datetime.fromisoformat(before)
    assert abs(moved.total_seconds() - step) < HOUR, "the clock was not set for the service"
    assert sweep["status"] == "completed", sweep
    assert sweep["started_at"] <= sweep["finished_at"]
    trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
    assert [trial["number"] for trial in trials] == list(range(POINTS))
    moments = []
    for trial in trials:
        assert (trial["status"], trial["attempt"]) == ("completed", 1)
        assert 0 < trial["duration_seconds"] < 300
        assert trial["queued_at"] <= trial["started_at"] <= trial["finished_at"]
        moments.append(trial["started_at"])
        path = f"/v1/sweeps/{name}/trials/{trial['number']}/metrics?limit=100"
        reports = service.items(path)
        assert [report["interval"] for report in reports] == list(range(1, STEPS + 1))
    spread = datetime.fromisoformat(max(moments)) - datetime.fromisoformat(min(moments))
    assert spread.total_seconds() > HOUR, "the clock was not set for the engine"
    for number in range(POINTS):
        assert _seen(service, name, number)[-2:] == ["running", "completed"]


def test_a_sweep_that_waits_for_its_next_look_does_not_wait_an_hour_longer(
    service: Served, clock: WallClock
) -> None:
    """What was due in seconds before the clock was set back is due in seconds after it."""
    with no_longer_files([service.engine_pid()]):
        name = service.submit(slow_sweep(POINTS, STEPS, 0.1, timeout=600, trial_timeout=300))[
            "name"
        ]
        service.until(name, lambda sweep: sweep["sync_error"])
        clock.set(-HOUR)
    assert service.finished(name, within=90)["status"] == "completed"
