"""Bayesian sweeps over HTTP: they learn, repeat themselves under a seed, and survive a kill."""

import os
import signal
from pathlib import Path

import pytest

from tests.served import Json, Served, document, served

SPACE: Json = {
    "x": {"type": "uniform", "min_value": 0, "max_value": 1},
    "steps": {"type": "choice", "values": [1, 2, 3]},
}
COMMAND = "python quadratic.py --x ${{search_space.x}} --steps ${{search_space.steps}}"


def body(total: int, concurrent: int = 1, **more: object) -> Json:
    """A bayesian sweep of (x - 0.3)^2 + 1 / steps, best at 0.3 with three steps."""
    return document(
        COMMAND,
        SPACE,
        code="job",
        sampling_algorithm={"type": "bayesian", "seed": 5},
        limits={"max_total_trials": total, "max_concurrent_trials": concurrent},
        **more,
    )


def drawn(service: Served, name: str) -> list[Json]:
    """The parameters of every trial, by number."""
    assert service.finished(name, within=120)["status"] == "completed"
    trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
    return [trial["parameters"] for trial in trials]


@pytest.fixture(scope="module")
def undisturbed(service: Served) -> list[Json]:
    """The points of a sweep that ran in peace."""
    return drawn(service, service.submit(body(12))["name"])


def test_it_finds_the_optimum_that_it_looks_for(undisturbed: list[Json]) -> None:
    """After five points of its design it looks near the best ones."""
    assert len(undisturbed) == 12
    best = min(undisturbed, key=lambda p: (p["x"] - 0.3) ** 2 + 1 / p["steps"])
    assert best["steps"] == 3
    assert abs(best["x"] - 0.3) < 0.02


@pytest.mark.slow
def test_a_killed_engine_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, scripts: Path, undisturbed: list[Json]
) -> None:
    """The next point rests on the records: with the same seed the same points are drawn."""
    with served(tmp_path / "data", code_root=scripts, slots=1) as service:
        name = service.submit(body(12))["name"]
        service.until(name, lambda sweep: sweep["trial_counts"]["completed"] >= 7)
        os.kill(service.engine_pid(), signal.SIGKILL)
        assert drawn(service, name) == undisturbed


def test_trials_that_run_at_once_ask_for_different_points(service: Served) -> None:
    """Under a constraint, too; a small space is exhausted rather than repeated."""
    space = {**SPACE, "x": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.4]}}
    request = {**body(20, 2, constraints=["x * steps <= 0.9"]), "search_space": space}
    points = drawn(service, service.submit(request)["name"])
    assert len(points) == 11
    assert len({(point["x"], point["steps"]) for point in points}) == 11
    assert all(point["x"] * point["steps"] <= 0.9 for point in points)
