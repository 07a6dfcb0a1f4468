"""Constraints on Azure ML: compiled into a choice that Azure takes, or refused with the reason."""

from typing import Any

import pytest

from app.backends.azureml.combinations import MAX_COMBINATIONS, combined, not_combined
from app.sweep.parsing import parse_document
from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.served import Json, Served

COMMAND = "python quadratic.py --x ${{search_space.x}} --steps ${{search_space.steps}}"
SPACE: Json = {
    "x": {"type": "choice", "values": [0.1, 0.2, 0.3]},
    "steps": {"type": "quniform", "min_value": 1, "max_value": 2, "q": 1},
}


def test_a_discrete_space_becomes_one_choice_and_runs(
    azure_service: Served, emulator: RunningEmulator
) -> None:
    """The allowed combinations, and nothing else, run; placeholders stay as they are."""
    emulator.misbehave()
    body = azure_document(
        COMMAND,
        SPACE,
        constraints=["x * steps <= 0.3"],
        sampling_algorithm="grid",
        limits={"max_total_trials": 10, "max_concurrent_trials": 2},
    )
    body["search_space"]["steps"] = {"type": "choice", "values": [1, 2]}
    sweep = azure_service.submit(body)
    assert any("one choice" in warning for warning in sweep["warnings"])
    assert any("4 points" in warning for warning in sweep["warnings"])
    ended = azure_service.finished(sweep["name"], within=120)
    assert ended["status"] == "completed", ended
    trials = azure_service.items(f"/v1/sweeps/{sweep['name']}/trials?sort=number")
    drawn = [(trial["parameters"]["x"], trial["parameters"]["steps"]) for trial in trials]
    assert drawn == [(0.1, 1), (0.1, 2), (0.2, 1), (0.3, 1)]


def document(space: Json, *constraints: str, command: str = COMMAND) -> Any:  # noqa: ANN401 - a document
    """A document for Azure with constraints."""
    return parse_document(azure_document(command, space, constraints=list(constraints)))


def test_the_choice_lists_whole_combinations() -> None:
    """Every hyperparameter in each; its own name keeps out of theirs."""
    space = {**SPACE, "combination": {"type": "choice", "values": ["a"]}}
    assert combined(document(space, "x < 0.2")) == {
        "combination_": {
            "type": "choice",
            "values": [
                {"x": 0.1, "steps": 1, "combination": "a"},
                {"x": 0.1, "steps": 2, "combination": "a"},
            ],
        }
    }


@pytest.mark.parametrize(
    ("space", "constraint", "word"),
    [
        (
            {**SPACE, "x": {"type": "uniform", "min_value": 0, "max_value": 1}},
            "x < 0.5",
            "discrete",
        ),
        (
            {**SPACE, "n": {"type": "randint", "upper": MAX_COMBINATIONS}},
            "x < 0.3",
            str(MAX_COMBINATIONS),
        ),
    ],
)
def test_what_cannot_be_listed_is_refused(
    azure_service: Served, space: Json, constraint: str, word: str
) -> None:
    """A continuous space, too many combinations; the preview for the local engine says so, too."""
    body = azure_document(COMMAND, space, constraints=[constraint])
    answer = azure_service.client.post("/v1/sweeps", json=body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/constraints"
    assert word in fault["message"]
    local = azure_service.client.post("/v1/sweeps/preview", json={**body, "backend": "local"})
    assert local.status_code == 200, local.text
    assert local.json()["backend_request"] is None
    assert any("backend_request" in warning for warning in local.json()["warnings"])


def test_a_branch_without_a_value_of_its_own_is_refused() -> None:
    """Its hyperparameters have one, the choice of branches has not."""
    space = {
        **SPACE,
        "model": {
            "type": "choice",
            "values": [{"k": {"type": "choice", "values": [1, 2]}}, {"d": 3}],
        },
    }
    whole = document(space, "x < 0.3", command=f"{COMMAND} --model ${{{{search_space.model}}}}")
    assert "model" in (not_combined(whole) or "")
    assert not_combined(document(space, "x < 0.3")) is None
