"""The walk that a person takes through the pages with a first sweep, on both backends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure_emulator.running import RunningEmulator
from tests.browser.conftest import OpenPage
from tests.browser.walk import Walk
from tests.served import ROOT, Served, served


@pytest.fixture(params=["local", "azureml"])
def first_service(
    request: pytest.FixtureRequest, tmp_path: Path, scripts: Path
) -> Iterator[Served]:
    """A service that runs its sweeps here or on an emulated Azure ML, with none so far."""
    environment = {"SWEEPFRONT_CODE_ROOTS": f"{ROOT}:{scripts}"}
    if request.param == "azureml":
        emulator: RunningEmulator = request.getfixturevalue("emulator")
        emulator.misbehave()  # which is to say: no longer
        environment |= {**emulator.environment(), "SWEEPFRONT_DEFAULT_BACKEND": "azureml"}
    with served(tmp_path / "data", environment=environment) as running:
        yield running


def test_the_walk_of_a_first_sweep(
    first_service: Served, open_page: OpenPage, artifacts: Path
) -> None:
    """Submit the example, watch it finish, brush the chart, open a trial, register, download."""
    walk = Walk(open_page(first_service), first_service, artifacts)
    walk.see_that_there_is_nothing_yet()
    name = walk.submit_the_example()
    walk.watch_it_finish(4)
    walk.brush()
    walk.register(name)
