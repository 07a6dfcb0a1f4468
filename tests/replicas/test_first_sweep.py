"""The example of the README on two replicas that are killed in turn, down to the model."""

import os
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import yaml

from tests.replicas.conftest import Records
from tests.served import FINISHED, ROOT, Served, served

TRIALS = 12
MOST_STRIKES = 12
pytestmark = pytest.mark.slow


def _strike(victim: Served, survivor: Served, *, engine_too: bool) -> None:
    """Kill a replica, the engine too or not, and start the replica again."""
    pid = survivor.engine_pid() if engine_too else None
    victim.kill()
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert survivor.client.get("/healthz").status_code == 200
    victim.start()


def test_the_first_sweep_is_completed_by_replicas_that_are_killed_in_turn(
    tmp_path: Path, records: Records
) -> None:
    """Every trial is there once, each with its reports, and the best one is registered."""
    body = yaml.safe_load((ROOT / "examples" / "concrete.yaml").read_text())
    body["limits"] = {"max_total_trials": TRIALS, "max_concurrent_trials": 2}
    body["name"] = "first"
    with ExitStack() as stack:
        replicas = [
            stack.enter_context(served(tmp_path / "data", database_url=records.url, log=name))
            for name in ("one", "other")
        ]
        replicas[0].submit(body)
        strikes = 0
        while replicas[0].get("/v1/sweeps/first")["status"] not in FINISHED:
            if strikes < MOST_STRIKES:
                victim = strikes % 2
                survivor = replicas[1 - victim]
                _strike(replicas[victim], survivor, engine_too=strikes % 4 == 3)
                strikes += 1
            time.sleep(0.5)
        for replica in replicas:
            sweep = replica.get("/v1/sweeps/first")
            assert sweep["status"] == "completed", sweep["status_reason"]
            assert sweep["trial_counts"]["completed"] == TRIALS
        trials = replicas[1].items("/v1/sweeps/first/trials?sort=number")
        assert [trial["number"] for trial in trials] == list(range(TRIALS))
        assert all(trial["objective_value"] for trial in trials)
        version = replicas[1].client.post("/v1/sweeps/first/register")
        assert version.status_code == 201, version.text
        best = min(trials, key=lambda trial: trial["objective_value"])
        assert version.json()["parameters"] == best["parameters"]
        again = replicas[0].client.post("/v1/sweeps/first/register")
        assert again.json()["version"] == version.json()["version"]
    attempts = sum(trial["attempt"] for trial in trials)
    print(f"{strikes} kills, {TRIALS} trials in {attempts} attempts")
    assert strikes >= 2
