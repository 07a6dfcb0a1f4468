"""The walk that a person takes through the pages with a first sweep, on both backends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure_emulator.running import RunningEmulator
from tests.browser.conftest import OpenPage
from tests.browser.walk import Walk
from tests.served import ROOT, Served, served

SCRIPT = """
import mlflow, sys, time
for step in range(30):
    mlflow.log_metric("sqrt_mse", float(sys.argv[1]) + 1 / (1 + step))
    time.sleep(0.1)
"""
STOPPING = """
name: stopping
trial: {environment: "azureml:concrete_env:1", code: steps, command: "python steps.py ${{search_space.level}}"}
search_space: {level: {type: choice, values: [1, 9]}}
sampling_algorithm: grid
early_termination: {type: bandit, slack_factor: 0.1}
objective: {primary_metric: sqrt_mse, goal: minimize}
limits: {max_total_trials: 2, max_concurrent_trials: 1}
"""


@pytest.fixture(params=["local", pytest.param("azureml", marks=pytest.mark.slow)])
def first_service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """A service that runs its sweeps here or on an emulated Azure ML, with none so far."""
    (tmp_path / "code" / "steps").mkdir(parents=True)
    (tmp_path / "code" / "steps" / "steps.py").write_text(SCRIPT)
    environment = {"SWEEPFRONT_CODE_ROOTS": f"{ROOT}:{tmp_path / 'code'}"}
    if request.param == "azureml":
        emulator: RunningEmulator = request.getfixturevalue("emulator")
        emulator.misbehave()  # which is to say: no longer
        environment |= {**emulator.environment(), "SWEEPFRONT_DEFAULT_BACKEND": "azureml"}
    with served(tmp_path / "data", environment=environment) as running:
        yield running


def test_the_walk_of_a_first_sweep(
    first_service: Served, open_page: OpenPage, artifacts: Path
) -> None:
    """Submit the example, watch, brush, open, register, download; stop hopeless trials; compare."""
    walk = Walk(open_page(first_service), first_service, artifacts)
    walk.see_that_there_is_nothing_yet()
    name = walk.submit_the_example()
    walk.watch_it_finish(4)
    walk.brush()
    walk.open_the_best_trial()
    walk.register(name)
    walk.download_the_model()
    assert walk.write_a_document(STOPPING) == "stopping"
    walk.watch_it_finish(2)
    local = first_service.get(f"/v1/sweeps/{name}")["backend"] == "local"
    words = "Stopped at report 1 by bandit" if local else "."
    walk.read_a_decision("stopping", 1, words, ledger=local)
    walk.compare(name, "stopping")
