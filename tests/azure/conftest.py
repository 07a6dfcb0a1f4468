"""A service that knows the emulated workspace."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.backends.azureml.backend import AzureBackend
from app.backends.azureml.workspace import Place
from app.sweep.parsing import parse_document
from app.sweep.record import Submission
from tests.azure_emulator.arm import GROUP, SUBSCRIPTION, WORKSPACE
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


def submission(body: Json, **more: Any) -> Submission:  # noqa: ANN401 - fields of the submission
    """A complete submission, under a new name unless the document has one."""
    document = parse_document(body)
    name = document.name or f"w-{uuid.uuid4().hex[:10]}"
    complete = document.completed(name=name, backend="azureml", max_concurrent_trials=2, seed=7)
    return Submission(name=name, document=complete, document_hash=document.digest(), **more)


MakeBackend = Callable[..., AzureBackend]


@pytest.fixture
def make_backend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, emulator: RunningEmulator
) -> Iterator[MakeBackend]:
    """Makes the Azure backend in this process; keywords: settings in capitals, a workspace."""
    made: list[AzureBackend] = []

    def make(
        *, workspace: str = WORKSPACE, timeout: float = 20.0, **variables: str | None
    ) -> AzureBackend:
        for name, value in {**emulator.environment(), **variables}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        place = Place(
            subscription_id=SUBSCRIPTION,
            resource_group=GROUP,
            workspace=workspace,
            instance_discovery=False,
        )
        made.append(AzureBackend(place, tmp_path / "cache", poll_interval=0.2, timeout=timeout))
        return made[-1]

    yield make
    for backend in made:
        backend.close()
