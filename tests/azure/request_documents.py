"""Documents that together use every key and form that Azure's request has a place for."""

from typing import Any

from tests.served import Json

COMMAND = "python a.py --x ${{search_space.x}}"
OTHER = "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w"
GUID = "00000000-0000-0000-0000-00000000000a"


def _trial(**more: Any) -> Json:  # noqa: ANN401 - keys of the trial
    return {"trial": {"command": COMMAND, "environment": "azureml:env:1", "code": "job", **more}}


def _input(**given: Any) -> Json:  # noqa: ANN401 - keys of the input
    return {"inputs": {"d": {"path": "https://example.org/a", **given}}}


REMOTE = [
    "azureml:d:1",
    "azureml:d:1.0.2",
    f"azureml:{OTHER}/data/d/versions/1",
    "azureml://datastores/store/paths/x/",
    "azureml://registries/r/data/d/versions/1",
    "azureml://jobs/j/outputs/artifacts/paths/model/",
    "https://example.org/a.csv",
    "wasbs://container@account/x",
    "abfss://container@account/x",
]
INPUT_TYPES = ["uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"]
PROPERTIES = {
    "singularity": {"a": 1, "none": None, "l": [1, {"x": None}]},
    "ITP": {"interactive": False},
    "itp2": {},
    "Target_Selector": {"z": 1},
    "other": 1.5,
    "small": 1e-05,
    "list": [],
}

CASES: dict[str, list[Json]] = {
    "command": [
        _trial(command="a {search_space.x} {foo.x} ${{search_space.x}}"),
    ],
    "limits": [
        {"limits": {"max_total_trials": 9, "timeout": seconds, "trial_timeout": seconds}}
        for seconds in (1, 59, 60, 61, 90, 3600, 3661, 86_400, 90_061, 604_800, 5_184_000)
    ],
    "sampling": [
        {"sampling_algorithm": algorithm}
        for algorithm in (
            "random",
            "grid",
            "bayesian",
            {"type": "grid", "seed": 3},
            {"type": "random", "seed": 5, "rule": "sobol", "logbase": 10},
            {"type": "random", "logbase": 0.5},
            {"type": "random", "logbase": 1e-05},
        )
    ],
    "policy": [
        {"early_termination": policy}
        for policy in (
            "median_stopping",
            {"type": "bandit", "slack_factor": 1},
            {"type": "bandit", "slack_amount": 1e-05, "delay_evaluation": 3},
            {"type": "median_stopping", "evaluation_interval": 2, "delay_evaluation": 5},
            {"type": "truncation_selection", "truncation_percentage": 20},
        )
    ],
    "objective": [{"objective": {"goal": "Maximize", "primary_metric": "val loss"}}],
    "compute": [
        {"compute": name}
        for name in (
            "azureml:cpu-cluster",
            "cpu-cluster",
            "serverless",
            "azureml:virtualClusters/vc",
            f"azureml:{OTHER}/computes/c",
            f"{OTHER}/computes/c",
        )
    ],
    "environment": [
        _trial(environment=environment)
        for environment in (
            "azureml:env:1.0.2",
            "azureml:AzureML-sklearn-1.0:1",
            "azureml:AzureML-sklearn-1.0@latest",
            "azureml://registries/azureml/environments/e/versions/2",
            "azureml://registries/azureml/environments/e/labels/latest",
            f"azureml:{OTHER}/environments/e/versions/1",
            {"image": "python:3.11"},
            {"image": "python:3.11", "conda_file": {"dependencies": ["python=3.11"]}},
        )
    ],
    "code": [
        _trial(code=code)
        for code in ("azureml:code:1", f"azureml:{OTHER}/codes/c/versions/1", "job", None)
    ],
    "variables": [_trial(environment_variables={"A": 1, "B": True, "C": "x", "D": 1e-05})],
    "distribution": [
        _trial(distribution=distribution)
        for distribution in (
            {"type": "mpi"},
            {"type": "PyTorch", "process_count_per_instance": 2},
            {"type": "tensorflow"},
            {"type": "TensorFlow", "worker_count": 2, "parameter_server_count": 1},
            {"type": "ray"},
            {
                "type": "ray",
                "port": 1,
                "address": "a",
                "include_dashboard": False,
                "dashboard_port": 2,
                "head_node_additional_args": "x",
                "worker_node_additional_args": "y",
            },
        )
    ],
    "resources": [
        {"resources": resources}
        for resources in (
            {},
            {"instance_count": 2, "instance_type": "STANDARD_D2_v2"},
            {"docker_args": "--ipc=host", "locations": ["westus"], "max_instance_count": 3},
            {"docker_args": ["--ipc", "host"], "locations": ["westus"], "max_instance_count": 3},
            {"shm_size": "2g", "properties": PROPERTIES},
        )
    ],
    "trial resources": [
        _trial(resources={"instance_count": 2}),
        {**_trial(resources={"instance_count": 2}), "resources": {}},
        {**_trial(resources={"instance_count": 2}), "resources": {"shm_size": "1g"}},
        _trial(resources={}),
    ],
    "queue": [
        {"queue_settings": queue}
        for queue in ({}, {"job_tier": "Spot", "priority": "HIGH"}, {"job_tier": "null"})
    ],
    "identity": [
        {"identity": identity}
        for identity in (
            {"type": "user_identity"},
            {"type": "UserIdentity"},
            {"type": "AMLToken"},
            {"type": "managed"},
            {"type": "managed_identity", "client_id": GUID, "object_id": GUID},
        )
    ],
    "literals": [
        {"inputs": {"k": value}}
        for value in (3, 1e-05, 1e16, True, "true", "3", "_", 1.0, {"value": 3}, {"value": True})
    ],
    "inputs": [_input(type=kind, path=path) for kind in INPUT_TYPES for path in (*REMOTE, "a.csv")],
    "modes": [
        *(_input(mode=mode) for mode in ("ro_mount", "Download", "direct")),
        *(_input(type="mltable", mode=mode) for mode in ("eval_mount", "eval_download")),
        _input(path="a.csv", datastore="azureml:store", mode="download"),
    ],
    "outputs": [
        {"outputs": {"o": output}}
        for output in (
            None,
            {},
            {"type": "triton_model", "mode": "mount"},
            {"type": "mltable", "mode": "RW_mount", "name": "n", "version": 3},
            {"type": "uri_file", "mode": "upload", "path": "azureml://datastores/d/paths/x"},
            {"type": "mlflow_model", "mode": "direct", "name": "n"},
        )
    ],
    "words": [
        {
            "display_name": "shown 😀",
            "description": "two\nlines \u2028 \x7f \u0085 'a': \"b\"",
            "experiment_name": "an experiment",
            "tags": {"team": "a", "number": "1", "yes": "yes", "emoji": "😀"},
            "properties": {"k": "v"},
        }
    ],
}
