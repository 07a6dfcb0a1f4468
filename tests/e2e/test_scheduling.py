"""Whose trial starts next: priority, turns, and memory."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.served import Json, Served, document, served

TRIALS = 4


def _body(seconds: float, concurrent: int = TRIALS, **more: int) -> Json:
    space = {"level": {"type": "choice", "values": list(range(TRIALS))}}
    return document(
        f"python slow.py ${{{{search_space.level}}}} 2 {seconds}",
        space,
        code="job",
        limits={"max_total_trials": TRIALS, "max_concurrent_trials": concurrent},
        sampling_algorithm="grid",
        extra_limits=more,
    )


def _starts(service: Served, name: str) -> list[str]:
    service.finished(name)
    trials = service.items(f"/v1/sweeps/{name}/trials")
    return sorted(trial["started_at"] for trial in trials)


@pytest.mark.slow
def test_a_higher_priority_goes_first_and_equals_take_turns(tmp_path: Path, scripts: Path) -> None:
    """With one slot: all of the urgent sweep, then the two others one by one."""
    with served(tmp_path / "data", code_root=scripts, slots=1) as service:
        first = service.submit(_body(0.5))["name"]
        service.until(first, lambda sweep: sweep["trial_counts"]["running"] == 1)
        second = service.submit(_body(0.1, priority=0))["name"]
        urgent = service.submit(_body(0.1, priority=5))["name"]
        early = max(_starts(service, urgent))
        one, two = _starts(service, first), _starts(service, second)
        assert early < min(one[1:] + two)
        order = sorted([(at, "1") for at in one[1:]] + [(at, "2") for at in two])
        names = "".join(name for _, name in order)
        assert "11" not in names[:6]
        assert "22" not in names[:6]
        refused = service.client.post("/v1/sweeps", json=_body(0.1, priority=101))
        assert refused.json()["errors"][0]["pointer"] == "/extra_limits/priority"


@pytest.mark.slow
def test_short_of_memory_trials_run_one_at_a_time_and_the_sweep_says_so(
    tmp_path: Path, scripts: Path
) -> None:
    """A limit that no machine has: nothing starts beside another, but the first one always does."""
    options = {"SWEEPFRONT_MIN_FREE_MEMORY": str(10**9)}
    with served(tmp_path / "data", code_root=scripts, environment=options) as service:
        name = service.submit(_body(0.4))["name"]
        waiting = service.until(name, lambda sweep: sweep["status_reason"] is not None)
        assert waiting["status"] in ("queued", "running")
        assert "waiting for memory" in waiting["status_reason"]
        sweep = service.finished(name)
        assert (sweep["status"], sweep["status_reason"]) == ("completed", None)
        trials = service.items(f"/v1/sweeps/{name}/trials?sort=started_at")
        for before, after in pairwise(trials):
            assert before["finished_at"] <= after["started_at"]
