"""A service that knows the emulated workspace."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.azure_emulator.running import RunningEmulator
from tests.served import Json, Served, document, served

ONE = {"x": {"type": "choice", "values": [0.1, 0.2]}}


def azure_document(command: str, space: Json = ONE, **more: Any) -> Json:  # noqa: ANN401 - keys of the document
    """A small document for Azure ML."""
    body = document(command, space, **{"code": "job", **more})
    body["trial"]["environment"] = "azureml:concrete_env:1"
    return {**body, "backend": "azureml"}


@pytest.fixture(scope="session")
def azure_service(
    tmp_path_factory: pytest.TempPathFactory, scripts: Path, emulator: RunningEmulator
) -> Iterator[Served]:
    """A service beside the emulator."""
    data = tmp_path_factory.mktemp("azure-service") / "data"
    with served(data, code_root=scripts, environment=emulator.environment()) as running:
        yield running


@pytest.fixture(autouse=True)
def good_behaviour(emulator: RunningEmulator) -> Iterator[None]:
    """Each test begins and ends with an emulator that behaves."""
    emulator.misbehave()
    yield
    emulator.misbehave()
