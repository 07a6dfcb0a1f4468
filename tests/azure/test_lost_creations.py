"""Jobs that Azure has made although nobody was told, and services killed while they submit."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.chaos.client import dice_of
from tests.served import Json, Served, served

PUT_JOB = "PUT .*/jobs/"
TIMEOUT = 2.0
PERIOD = 3.0
KILLS = 25
PAUSE_SECONDS = 0.04
"""Between two posts: what is measured is how soon kills are made good, not how fast Azure is."""
SUBMITTED_SECONDS = 30.0
"""Two looks of the default period; a sweep that was cut off waits for the end of its lease, 15 s."""
LOST: dict[str, dict[str, Any]] = {
    "an error after the work": {"after": True, "status": 500},
    "no answer after the work": {"after": True, "delay": 3 * TIMEOUT},
    "a connection reset after the work": {"drop": "after"},
}

pytestmark = pytest.mark.slow


def _document(name: str) -> Json:
    return azure_document("true", code=None, name=name, limits={"max_total_trials": 1})


@pytest.fixture(scope="module")
def impatient(
    tmp_path_factory: pytest.TempPathFactory, scripts: Path, emulator: RunningEmulator
) -> Iterator[Served]:
    """A service that waits little for Azure and looks at sweeps every few seconds."""
    variables = emulator.environment() | {
        "SWEEPFRONT_AZURE_TIMEOUT": str(TIMEOUT),
        "SWEEPFRONT_POLL_INTERVAL": str(PERIOD),
    }
    data = tmp_path_factory.mktemp("impatient") / "data"
    with served(data, code_root=scripts, environment=variables) as running:
        # The first request of a process loads Azure's SDK.
        running.until(
            running.submit(_document("first"))["name"], lambda sweep: sweep["submitted_at"]
        )
        yield running


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_job_whose_creation_was_not_answered_is_known_within_three_looks(
    impatient: Served, emulator: RunningEmulator, fault: dict[str, Any]
) -> None:
    """And is the only one."""
    before = emulator.jobs()
    emulator.misbehave({"match": PUT_JOB, **fault})
    name = f"l-{uuid.uuid4().hex[:8]}"
    impatient.submit(_document(name))
    begun = time.monotonic()
    impatient.until(name, lambda sweep: sweep["submitted_at"] and not sweep["sync_error"])
    assert time.monotonic() - begun < 3 * PERIOD
    assert emulator.requests(PUT_JOB), "no creation that could get lost"
    assert sorted(emulator.jobs()) == sorted([*before, name])


def test_kills_while_submitting_leave_one_job_for_each_accepted_sweep(
    tmp_path: Path, scripts: Path, emulator: RunningEmulator
) -> None:
    """At 25 drawn moments; a sweep that was cut off is submitted when its lease has run out."""
    before = set(emulator.jobs())
    emulator.misbehave({"match": PUT_JOB, "times": -1, "delay": 0.15})
    dice = dice_of("kills while submitting")
    accepted, unanswered = [], []
    with served(
        tmp_path / "data", code_root=scripts, environment=emulator.environment()
    ) as service:
        for _ in range(KILLS):
            kill_at = time.monotonic() + dice.uniform(0.0, 0.6)
            while time.monotonic() < kill_at:
                name = f"k-{uuid.uuid4().hex[:8]}"
                patience = max(0.001, kill_at - time.monotonic())
                try:
                    answer = service.client.post(
                        "/v1/sweeps", json=_document(name), timeout=patience
                    )
                except httpx.TimeoutException:
                    unanswered.append(name)
                else:
                    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
                    accepted.append(name)
                time.sleep(PAUSE_SECONDS)
            service.kill()
            service.start()
        emulator.misbehave()
        stored = [sweep["name"] for sweep in service.items("/v1/sweeps?limit=200")]
        assert len(stored) == len(set(stored))
        assert set(accepted) <= set(stored) <= {*accepted, *unanswered}
        ready = time.monotonic()
        for name in stored:
            sweep = service.until(name, lambda sweep: sweep["status"] != "submitting", within=60)
            assert sweep["status"] != "failed", sweep
        took = time.monotonic() - ready
        print(f"{len(stored)} sweeps, {KILLS} kills, all submitted {took:.1f} s after the last")
        assert took < SUBMITTED_SECONDS
        assert set(emulator.jobs()) - before == set(stored)
