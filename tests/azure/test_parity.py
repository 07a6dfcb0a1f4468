"""The same seeded document on both backends: the same trials, values, best trial and model."""

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
