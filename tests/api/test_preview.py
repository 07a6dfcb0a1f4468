"""POST /v1/sweeps/preview: what it tells is what happens."""

import uuid
from typing import Any

import pytest

from app.sweep.examples import EXAMPLES, SEED
from tests.served import ROOT, Json, Served, document, served

COMMAND = "python quadratic.py --x ${{search_space.x}} --steps ${{search_space.steps}}"
SPACE: Json = {
    "x": {"type": "uniform", "min_value": 0, "max_value": 1},
    "steps": {"type": "choice", "values": [1, 2, 3]},
}
CHOICES: Json = {
    "x": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.4]},
    "steps": {"type": "choice", "values": [1, 2, 3]},
}
BRANCHES: Json = {
    "x": {"type": "uniform", "min_value": 0, "max_value": 1},
    "how": {
        "type": "choice",
        "values": [
            {"steps": {"type": "choice", "values": [1, 2]}, "kind": "short"},
            {"steps": {"type": "quniform", "min_value": 3, "max_value": 5, "q": 1}},
        ],
    },
}


def preview(service: Served, body: Json, trials: int = 10) -> Json:
    """The answer for a document that is accepted."""
    answer = service.client.post(f"/v1/sweeps/preview?trials={trials}", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


@pytest.mark.parametrize("concurrent", [1, 8])
@pytest.mark.parametrize(
    ("sampling", "space", "constraints"),
    [
        ({"type": "random", "seed": 11}, SPACE, []),
        ({"type": "random", "seed": 11}, BRANCHES, []),
        ({"type": "random", "seed": 11}, SPACE, ["x * steps <= 0.5"]),
        ({"type": "random", "seed": 11, "rule": "sobol"}, SPACE, ["x > 0.25"]),
        ("grid", CHOICES, []),
        ("grid", CHOICES, ["x < 0.4 or steps == 1"]),
        ({"type": "bayesian", "seed": 11}, SPACE, []),
        ({"type": "bayesian", "seed": 11}, BRANCHES, ["x < 0.5"]),
    ],
)
def test_the_first_trials_are_those_that_the_engine_runs(
    eight_slots: Served,
    sampling: Json | str,
    space: Json,
    constraints: list[str],
    concurrent: int,
) -> None:
    """For every sampler, one at a time and eight at once."""
    body = document(
        COMMAND,
        space,
        code="job",
        sampling_algorithm=sampling,
        constraints=constraints,
        limits={"max_total_trials": 8, "max_concurrent_trials": concurrent},
    )
    foretold = preview(eight_slots, body)
    name = eight_slots.submit(body)["name"]
    assert eight_slots.finished(name)["status"] == "completed"
    ran = eight_slots.items(f"/v1/sweeps/{name}/trials?sort=number")
    assert len(ran) == 8
    shown = foretold["trials"]
    assert len(shown) == min(8, foretold["trials_foretold"] or 8)
    assert len(shown) >= 4
    for told, trial in zip(shown, ran, strict=False):
        assert told["number"] == trial["number"]
        assert told["parameters"] == trial["parameters"]


@pytest.fixture(scope="module")
def eight_slots(tmp_path_factory: pytest.TempPathFactory, scripts: Any) -> Any:  # noqa: ANN401 - fixtures
    """A service that runs eight trials at once."""
    data = tmp_path_factory.mktemp("eight") / "data"
    with served(data, code_root=scripts, slots=8) as running:
        yield running


def test_nothing_is_stored_or_run(service: Served) -> None:
    """Neither a sweep nor an event comes of it."""
    before = service.get("/v1/events?limit=200")
    body = document(COMMAND, SPACE, code="job", name=f"previewed-{uuid.uuid4().hex[:8]}")
    preview(service, body)
    assert service.client.get(f"/v1/sweeps/{body['name']}").status_code == 404
    assert service.get("/v1/events?limit=200") == before


def test_the_answer_has_what_the_contract_names(service: Served) -> None:
    """Cardinality, trials with commands, warnings, normal form, Azure's request."""
    body = document(COMMAND, CHOICES, code="job", inputs={"k": 3}, sampling_algorithm="grid")
    found = preview(service, body, trials=2)
    assert found["cardinality"] == 12
    assert [trial["command"] for trial in found["trials"]] == [
        "python quadratic.py --x 0.1 --steps 1",
        "python quadratic.py --x 0.1 --steps 2",
    ]
    assert any(warning.startswith("inputs.k") for warning in found["warnings"])
    assert found["normalized"]["limits"]["max_concurrent_trials"] == 2
    assert "name" not in found["normalized"]
    request = found["backend_request"]
    assert request["method"] == "PUT"
    assert request["body"]["properties"]["samplingAlgorithm"] == {"samplingAlgorithmType": "Grid"}
    assert preview(service, document(COMMAND, SPACE, code="job"))["cardinality"] is None
    assert preview(service, body, trials=0)["trials"] == []


def test_a_drawn_seed_can_be_taken_over(service: Served) -> None:
    """The normal form holds it: posting that gives the previewed trials."""
    body = document(COMMAND, SPACE, code="job", sampling_algorithm="random")
    found = preview(service, body, trials=3)
    again = preview(service, found["normalized"], trials=3)
    assert again["trials"] == found["trials"]


def test_a_branch_that_is_not_drawn_renders_as_nothing(service: Served) -> None:
    """Its placeholder is left out of the command; the choice itself is written as JSON."""
    command = "python quadratic.py --x ${{search_space.x}} --kind ${{search_space.kind}}"
    body = document(command, BRANCHES, code="job", sampling_algorithm={"type": "random", "seed": 1})
    for trial in preview(service, body, trials=20)["trials"]:
        told = trial["command"].endswith("--kind short")
        assert told is ("kind" in trial["parameters"])


def test_constraints_are_counted_and_told(service: Served) -> None:
    """How much is allowed, exactly or with an error; nothing left is refused with its place."""
    body = document(COMMAND, CHOICES, code="job", constraints=["x * steps <= 0.4"])
    found = preview(service, body)
    assert found["cardinality"] == 7
    assert found["allowed"] == {"fraction": pytest.approx(7 / 12), "error": 0.0, "points": 7}
    assert any("7 points" in warning for warning in found["warnings"])
    rest = preview(service, {**body, "search_space": SPACE})
    assert rest["cardinality"] is None
    assert rest["allowed"]["error"] > 0
    assert any("estimated" in warning for warning in rest["warnings"])
    for constraints, where, word in (
        (["steps > 3"], "/constraints", "none of the 12 points"),
        (["stepz > 3"], "/constraints/0", "steps"),
        (["x < 1", "steps >"], "/constraints/1", "expression"),
    ):
        answer = service.client.post(
            "/v1/sweeps/preview", json={**body, "constraints": constraints}
        )
        assert answer.status_code == 422
        (fault,) = answer.json()["errors"]
        assert fault["pointer"] == where
        assert word in fault["message"]


def test_earlier_trials_of_the_code_say_how_long_it_takes(service: Served) -> None:
    """Low, likely and high, and how often they reported; another command knows nothing."""
    body = document(
        "python slow.py ${{search_space.x}} 3 0.05",
        SPACE,
        code="job",
        limits={"max_total_trials": 4, "max_concurrent_trials": 2},
    )
    assert preview(service, body)["estimate"] is None
    name = service.submit(body)["name"]
    service.finished(name)
    late = {"type": "median_stopping", "evaluation_interval": 1, "delay_evaluation": 4}
    found = preview(service, {**body, "early_termination": late})
    estimate = found["estimate"]
    assert estimate["sweeps"] == [name]
    assert estimate["trials"] == 4
    assert 0.15 < estimate["trial_seconds"]["low"] <= estimate["trial_seconds"]["high"] < 10
    assert estimate["trial_seconds"]["likely"] < estimate["sweep_seconds"]["likely"]
    assert any("cannot stop a trial" in warning for warning in found["warnings"])
    again = preview(service, body)
    assert any(f"ran before: {name} is completed" in warning for warning in again["warnings"])
    other = {**body, "trial": {**body["trial"], "command": "python slow.py 1 1 0.01"}}
    assert preview(service, other)["estimate"] is None


@pytest.mark.parametrize("key", list(EXAMPLES))
def test_the_documented_examples_are_accepted(repository: Served, key: str) -> None:
    """As they stand, with the repository as code root."""
    assert preview(repository, EXAMPLES[key]["value"])["trials"]
    assert preview(repository, {**SEED, "backend": "local"})["backend_request"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401 - a fixture
    """A service whose code root is the repository."""
    with served(tmp_path_factory.mktemp("repository") / "data", code_root=ROOT) as running:
        yield running


@pytest.mark.parametrize("trials", ["-1", "1001", "ten"])
def test_a_wrong_number_of_trials_is_a_problem(service: Served, trials: str) -> None:
    """With the parameter's name."""
    answer = service.client.post(f"/v1/sweeps/preview?trials={trials}", json={})
    assert answer.status_code == 422
    assert "trials" in answer.text
