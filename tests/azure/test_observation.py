"""Looks at Azure whose answers are old, partial or missing, and long histories."""

import time
import uuid

import pytest

from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.served import Served

RUNS = "POST .*/runs/search"
HISTORY = "GET .*/metrics/get-history"
SLOW = "python slow.py ${{search_space.x}} 60 0.05"


def _reports(service: Served, name: str, number: int) -> list[tuple[int, float]]:
    found = service.items(f"/v1/sweeps/{name}/trials/{number}/metrics?limit=200")
    return [(report["interval"], report["value"]) for report in found]


@pytest.mark.parametrize(("match", "every"), [(RUNS, 2), (HISTORY, 2), (f"{RUNS}|{HISTORY}", 3)])
def test_old_answers_double_and_lose_nothing(
    azure_service: Served, emulator: RunningEmulator, match: str, every: int
) -> None:
    """Time and again Azure answers as it did at first: without runs, without the newest values."""
    name = azure_service.submit(azure_document(SLOW, sampling_algorithm="grid"))["name"]
    azure_service.until(name, lambda sweep: sweep["submitted_at"])
    emulator.misbehave({"match": match, "stale": True, "every": every})
    sweep = azure_service.finished(name, within=90)
    assert sweep["status"] == "completed"
    assert f"sweep {name}:" not in azure_service.log()
    for number, x in enumerate((0.1, 0.2)):
        assert _reports(azure_service, name, number) == [(n, x) for n in range(1, 61)]


def test_a_long_history_is_read_to_its_end(azure_service: Served) -> None:
    """The emulator hands it out in pages of 100 values."""
    command = "python slow.py ${{search_space.x}} 250 0.004"
    body = azure_document(command, sampling_algorithm="grid", limits={"max_total_trials": 1})
    name = azure_service.submit(body)["name"]
    assert azure_service.finished(name)["status"] == "completed"
    assert _reports(azure_service, name, 0) == [(n, 0.1) for n in range(1, 251)]


@pytest.mark.slow
def test_a_stale_404_after_an_outage_loses_no_sweep(
    azure_service: Served, emulator: RunningEmulator
) -> None:
    """Looks that could not be made are no signs that the job is gone."""
    name = f"o-{uuid.uuid4().hex[:8]}"
    body = azure_document("python slow.py ${{search_space.x}} 150 0.05", name=name)
    azure_service.submit(body)
    azure_service.until(name, lambda sweep: sweep["trial_counts"].get("running", 0) > 0)
    emulator.misbehave({"match": RUNS, "times": -1, "status": 500})
    deadline = time.monotonic() + 60
    while azure_service.log().count(f"sweep {name}: ") < 3:
        assert time.monotonic() < deadline, azure_service.log()[-3000:]
        time.sleep(0.05)
    emulator.misbehave({"match": f"GET .*/jobs/{name}", "status": 404})
    sweep = azure_service.finished(name, within=90)
    assert sweep["status"] == "completed", sweep
    assert f"no job {name}" in azure_service.log()
