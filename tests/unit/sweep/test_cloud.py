"""The cloud's keys: every form that Azure's YAML knows, in one normal form; others are refused."""

from typing import Any

import pytest

from app.sweep.errors import InvalidDocumentError
from app.sweep.parsing import parse_document

Json = dict[str, Any]


def _document(trial: Json | None = None, **changes: Any) -> Json:  # noqa: ANN401 - any value of a document
    return {
        "trial": {"command": "python x.py ${{search_space.x}}", **(trial or {})},
        "search_space": {"x": {"type": "choice", "values": [1, 2]}},
        "sampling_algorithm": "grid",
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 2},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "normal"),
    [
        ({"identity": {"type": "UserIdentity"}}, {"type": "user_identity"}),
        ({"identity": {"type": "AMLToken"}}, {"type": "aml_token"}),
        ({"identity": {"type": "managed_identity"}}, {"type": "managed"}),
        ({"queue_settings": {"job_tier": "Spot"}}, {"job_tier": "spot"}),
        ({"resources": {"docker_args": ["--ipc", "host"]}}, {"docker_args": ["--ipc", "host"]}),
        ({"properties": {"k": "v"}}, {"k": "v"}),
        ({"inputs": {"k": {"value": 0.1}}}, {"k": 0.1}),
        (
            {"inputs": {"d": {"path": "azureml:d:1", "mode": "RO_mount", "datastore": "s"}}},
            {
                "d": {
                    "type": "uri_folder",
                    "path": "azureml:d:1",
                    "mode": "ro_mount",
                    "datastore": "s",
                }
            },
        ),
        ({"outputs": {"o": None}}, {"o": {"type": "uri_folder"}}),
        (
            {"outputs": {"o": {"type": "triton_model", "version": 3}}},
            {"o": {"type": "triton_model", "version": "3"}},
        ),
    ],
)
def test_each_form_has_one_normal_form(changes: Json, normal: Json) -> None:
    """Cases, long forms, empty outputs, versions that YAML reads as numbers."""
    (key,) = changes
    assert parse_document(_document(**changes)).normalized()[key] == normal


@pytest.mark.parametrize(
    ("trial", "key", "normal"),
    [
        (
            {"environment_variables": {"A": 1, "B": True, "C": 1e-05, "D": "x"}},
            "environment_variables",
            {"A": "1", "B": "True", "C": "1e-05", "D": "x"},
        ),
        ({"distribution": {"type": "PyTorch"}}, "distribution", {"type": "pytorch"}),
        (
            {"distribution": {"type": "tensorflow"}},
            "distribution",
            {"type": "tensorflow", "parameter_server_count": 0},
        ),
        ({"resources": {"shm_size": "2g"}}, "resources", {"shm_size": "2g"}),
    ],
)
def test_each_form_of_the_trial_has_one_normal_form(trial: Json, key: str, normal: Json) -> None:
    """A variable is text, as YAML's number or boolean stands on a command line."""
    stored: Any = parse_document(_document(trial)).normalized()["trial"]
    assert stored[key] == normal


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (_document(resources={"instances": 2}), "/resources/instances"),
        (_document(resources={"shm_size": "0g"}), "/resources/shm_size"),
        (_document(queue_settings={"job_tier": "fast"}), "/queue_settings/job_tier"),
        (_document(identity={"type": "nobody"}), "/identity/type"),
        (_document(identity={"type": "managed", "client_id": "c"}), "/identity/client_id"),
        (_document({"distribution": {"type": "mpi", "port": 1}}), "/trial/distribution/port"),
        (_document({"distribution": {"type": "horovod"}}), "/trial/distribution/type"),
        (_document({"environment_variables": {"A": None}}), "/trial/environment_variables/A"),
        (_document(inputs={"d": {"path": "a", "mode": "mount"}}), "/inputs/d/mode"),
        (_document(outputs={"o": {"mode": "ro_mount"}}), "/outputs/o/mode"),
        (_document(tags={"a": 1}), "/tags/a"),
    ],
)
def test_what_azure_does_not_take_is_refused_at_its_place(document: Json, pointer: str) -> None:
    """Before anything is uploaded: the SDK's loader or the service would refuse each of these."""
    with pytest.raises(InvalidDocumentError) as caught:
        parse_document(document)
    assert [error.pointer for error in caught.value.errors] == [pointer]
