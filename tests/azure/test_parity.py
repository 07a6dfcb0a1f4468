"""The same seeded document on both backends: the same trials, values, best trial and model."""

import json
import uuid
from typing import Any

import pytest

from tests.azure.conftest import azure_document
from tests.served import Json, Served

SPACES: dict[str, Json] = {
    "random": {
        "x": {"type": "loguniform", "min_value": -3, "max_value": 0},
        "steps": {"type": "qnormal", "mu": 3, "sigma": 0.3, "q": 1},
    },
    "sobol": {
        "x": {"type": "uniform", "min_value": 0, "max_value": 1},
        "steps": {"type": "choice", "values": [2, 3]},
    },
    "grid": {
        "x": {"type": "choice", "values": [0.1, 0.3]},
        "steps": {"type": "choice", "values": [2, 3]},
    },
}
SAMPLERS: dict[str, Json] = {
    "random": {"type": "random", "seed": 11, "logbase": 10},
    "sobol": {"type": "random", "rule": "sobol", "seed": 11},
    "grid": {"type": "grid"},
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_both_backends_run_the_same_sweep(azure_service: Served, sampler: str) -> None:
    """Sent through Azure's SDK and back, the document loses nothing on the way."""
    body = azure_document(
        "python quadratic.py --x ${{search_space.x}} --steps ${{search_space.steps}}",
        SPACES[sampler],
        sampling_algorithm=SAMPLERS[sampler],
        limits={"max_total_trials": 4, "max_concurrent_trials": 2},
    )
    results: list[Any] = []
    for backend in ("local", "azureml"):
        name = azure_service.submit({**body, "backend": backend})["name"]
        sweep = azure_service.finished(name)
        trials = azure_service.items(f"/v1/sweeps/{name}/trials?sort=number")
        metrics = [
            [
                (report["name"], report["interval"], report["step"], report["value"])
                for report in azure_service.items(
                    f"/v1/sweeps/{name}/trials/{trial['number']}/metrics"
                )
            ]
            for trial in trials
        ]
        model = {"model_name": f"parity-{uuid.uuid4().hex[:8]}"}
        answer = azure_service.client.post(f"/v1/sweeps/{name}/register", json=model)
        assert answer.is_success, answer.text
        version = answer.json()
        results.append(
            {
                "status": sweep["status"],
                "best": sweep["best_trial"],
                "parameters": [trial["parameters"] for trial in trials],
                "statuses": [trial["status"] for trial in trials],
                "objectives": [trial["objective_value"] for trial in trials],
                "metrics": metrics,
                "sha256": version["sha256"],
                "model_parameters": version["parameters"],
            }
        )
    assert results[0] == results[1]
    assert results[0]["status"] == "completed"


TYPES: Json = {
    "text": {"type": "choice", "values": ["1", "2.50", "true"]},
    "number": {"type": "choice", "values": [1, 2.5]},
    "flag": {"type": "choice", "values": [True, False]},
    "model": {
        "type": "choice",
        "values": [
            {"kind": "1", "depth": {"type": "choice", "values": [3, 5]}},
            {"kind": "2", "rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
        ],
    },
}


def _ended(service: Served, body: Json, backend: str) -> tuple[Json, list[Json]]:
    """The sweep and its trials, once it has ended on that backend."""
    name = service.submit({**body, "backend": backend})["name"]
    sweep = service.finished(name)
    return sweep, service.items(f"/v1/sweeps/{name}/trials?sort=number")


def test_both_backends_tell_the_same_types(azure_service: Served) -> None:
    """Texts that look like numbers stay texts; booleans and branches come back as they went."""
    command = (
        "python argv.py ${{search_space.text}} ${{search_space.number}} ${{search_space.flag}}"
    )
    limits = {"max_total_trials": 6, "max_concurrent_trials": 2}
    body = azure_document(command, TYPES, limits=limits)
    found = []
    for backend in ("local", "azureml"):
        sweep, trials = _ended(azure_service, body, backend)
        assert sweep["status"] == "completed"
        path = f"/v1/sweeps/{sweep['name']}/trials"
        given = [
            azure_service.client.get(f"{path}/{trial['number']}/artifacts/outputs/argv.json").json()
            for trial in trials
        ]
        # As text, since 1, 1.0 and true are equal otherwise.
        found.append(json.dumps([[trial["parameters"] for trial in trials], given], sort_keys=True))
    assert found[0] == found[1]
    parameters, _ = json.loads(found[0])
    assert {type(drawn["text"]) for drawn in parameters} == {str}
    assert {drawn["kind"] for drawn in parameters} == {"1", "2"}


def test_both_backends_stop_the_same_trials(azure_service: Served) -> None:
    """A policy ends the clearly worse trial, here by its ledger, there inferred."""
    steps = 25
    body = azure_document(
        f"python slow.py ${{{{search_space.level}}}} {steps} 0.05",
        {"level": {"type": "choice", "values": [1, 9, 1.05]}},
        sampling_algorithm="grid",
        limits={"max_total_trials": 3, "max_concurrent_trials": 1},
        early_termination={"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 2},
    )
    found = []
    for backend in ("local", "azureml"):
        sweep, trials = _ended(azure_service, body, backend)
        counts = [
            len(azure_service.items(f"/v1/sweeps/{sweep['name']}/trials/{n}/metrics?limit=200"))
            for n in range(3)
        ]
        assert 2 <= counts[1] < steps
        assert [trial["inferred"] for trial in trials] == [False, backend == "azureml", False]
        found.append(
            {
                "status": sweep["status"],
                "best": sweep["best_trial"],
                "parameters": [trial["parameters"] for trial in trials],
                "statuses": [trial["status"] for trial in trials],
                "objectives": [trial["objective_value"] for trial in trials],
                "counts": [counts[0], counts[2]],
            }
        )
    assert found[0] == found[1]
    assert found[0]["statuses"] == ["completed", "early_terminated", "completed"]
    assert found[0]["counts"] == [steps, steps]
