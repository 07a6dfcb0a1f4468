"""Keys that only Azure acts on arrive there: variables, resources, environment, identity, modes."""

from typing import Any

import pytest
import yaml

from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.served import Json, Served

CONDA: Json = {
    "name": "trial",
    "channels": ["conda-forge"],
    "dependencies": ["python=3.11", {"pip": ["mlflow-skinny", "azureml-mlflow"]}],
}
CLIENT = "00000000-0000-0000-0000-000000000009"


def _sent(service: Served, emulator: RunningEmulator, trial: Json, **more: Any) -> Json:  # noqa: ANN401 - keys of the document
    """The job's properties as Azure got them over the wire."""
    body = azure_document("true", code=None, limits={"max_total_trials": 1}, **more)
    body["trial"] |= trial
    name = service.submit(body)["name"]
    sweep = service.until(name, lambda sweep: sweep["submitted_at"] or sweep["status_reason"])
    assert sweep["status_reason"] is None
    properties: Json = emulator.entities("job")[name]["properties"]
    return properties


def test_variables_and_resources_of_a_trial_arrive(
    azure_service: Served, emulator: RunningEmulator
) -> None:
    """With the shape that the REST API has for each."""
    variables = {"MODE": "fast", "EMPTY": ""}
    resources = {"instance_count": 2, "shm_size": "4g", "instance_type": "STANDARD_D2"}
    trial = {"environment_variables": variables, "resources": resources}
    sent = _sent(azure_service, emulator, trial)
    assert sent["trial"]["environmentVariables"] == variables
    for found in (sent["trial"]["resources"], sent["resources"]):
        wanted = {"instanceCount": 2, "shmSize": "4g", "instanceType": "STANDARD_D2"}
        assert wanted.items() <= found.items()


def test_resources_of_the_sweep_arrive(azure_service: Served, emulator: RunningEmulator) -> None:
    """Beside the trial instead of in it."""
    resources = {"instance_count": 3, "instance_type": "STANDARD_D2"}
    sent = _sent(azure_service, emulator, {}, resources=resources)
    assert sent["resources"]["instanceCount"] == 3
    assert sent["resources"]["instanceType"] == "STANDARD_D2"


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (
            {"type": "pytorch", "process_count_per_instance": 2},
            {"distributionType": "PyTorch", "processCountPerInstance": 2},
        ),
        (
            {"type": "mpi", "process_count_per_instance": 3},
            {"distributionType": "Mpi", "processCountPerInstance": 3},
        ),
        (
            {"type": "tensorflow", "worker_count": 3, "parameter_server_count": 1},
            {"distributionType": "TensorFlow", "workerCount": 3, "parameterServerCount": 1},
        ),
    ],
)
def test_each_distribution_arrives(
    azure_service: Served, emulator: RunningEmulator, distribution: Json, expected: Json
) -> None:
    """Of the three that Azure knows."""
    sent = _sent(azure_service, emulator, {"distribution": distribution})
    assert sent["trial"]["distribution"] == expected


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ({"type": "managed"}, {"identityType": "Managed"}),
        (
            {"type": "managed", "client_id": CLIENT},
            {"identityType": "Managed", "clientId": CLIENT},
        ),
        ({"type": "aml_token"}, {"identityType": "AMLToken"}),
        ({"type": "user_identity"}, {"identityType": "UserIdentity"}),
    ],
)
def test_each_identity_arrives(
    azure_service: Served, emulator: RunningEmulator, identity: Json, expected: Json
) -> None:
    """As whom the trials run."""
    assert _sent(azure_service, emulator, {}, identity=identity)["identity"] == expected


def test_an_inline_environment_is_registered(
    azure_service: Served, emulator: RunningEmulator
) -> None:
    """Image and packages; the job names the version that was made of them."""
    image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
    trial = {"environment": {"image": image, "conda_file": CONDA}}
    sent = _sent(azure_service, emulator, trial)
    _, _, place = sent["trial"]["environmentId"].partition("/environments/")
    name, _, version = place.partition("/versions/")
    found = emulator.entities("environment")[f"{name}/{version}"]["properties"]
    assert found["image"] == image
    assert yaml.safe_load(found["condaFile"]) == CONDA


def test_inputs_keep_their_mode(azure_service: Served, emulator: RunningEmulator) -> None:
    """Files and folders of this machine are uploaded first."""
    inputs = {
        "file": {"type": "uri_file", "path": "job/quadratic.py", "mode": "download"},
        "folder": {"type": "uri_folder", "path": "job", "mode": "ro_mount"},
        "direct": {"type": "uri_folder", "path": "job", "mode": "direct"},
        "plain": {"type": "uri_folder", "path": "job"},
        "rate": 0.5,
    }
    sent = _sent(azure_service, emulator, {}, inputs=inputs)["inputs"]
    modes = {name: given.get("mode") for name, given in sent.items()}
    assert modes["file"] == "Download"
    assert modes["folder"] == "ReadOnlyMount"
    assert modes["direct"] == "Direct"
    assert modes["plain"] in (None, "ReadOnlyMount")
    assert [sent[name]["jobInputType"] for name in inputs] == [
        "uri_file",
        "uri_folder",
        "uri_folder",
        "uri_folder",
        "literal",
    ]
    assert "/paths/" in sent["file"]["uri"]
    assert sent["rate"]["value"] == "0.5"
