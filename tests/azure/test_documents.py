"""What is refused before Azure sees it, and how every part of a document reaches Azure."""

from pathlib import Path
from typing import Any

import pytest

from app.backends.azureml.ids import Ids
from app.backends.azureml.job import HASH_TAG, REQUEST_TAG, job_document, job_of
from app.backends.azureml.rules import judgement_of
from app.backends.azureml.workspace import Place
from app.sweep.parsing import parse_document
from app.sweep.record import Submission
from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.served import Json, Served

PLACE = Place(subscription_id="s", resource_group="g", workspace="w")
COMMAND = "python quadratic.py --x ${{search_space.x}}"
TRIAL: Json = {"command": COMMAND, "code": "job", "environment": "azureml:concrete_env:1"}


@pytest.fixture(scope="module")
def big_folder(scripts: Path) -> None:
    """A folder in the code root that is larger than code may be, though it takes no room."""
    (scripts / "big").mkdir()
    with (scripts / "big" / "data.bin").open("wb") as file:
        file.truncate(100 * 1024 * 1024 + 1)


@pytest.mark.parametrize(
    ("change", "pointer", "word"),
    [
        ({"trial": {"command": COMMAND, "code": "job"}}, "/trial/environment", "azureml:NAME"),
        (
            {
                "early_termination": {
                    "type": "truncation_selection",
                    "truncation_percentage": 20,
                    "exclude_finished_jobs": True,
                }
            },
            "/early_termination/exclude_finished_jobs",
            "SDK",
        ),
        ({"extra_limits": {"max_failed_trials": 1}}, "/extra_limits", "local"),
        (
            {"trial": {**TRIAL, "environment": "file:/etc/env.yml"}},
            "/trial/environment",
            "azureml:",
        ),
        (
            {"trial": {**TRIAL, "environment": {"image": "i", "conda_file": "/etc/passwd"}}},
            "/trial/environment/conda_file",
            "python -m app submit",
        ),
        (
            {"trial": {**TRIAL, "environment": {"build": {"path": "/etc/apt"}}}},
            "/trial/environment/build",
            "register",
        ),
        (
            {"trial": {**TRIAL, "environment": {"image": "i", "imgae": "i"}}},
            "/trial/environment/imgae",
            "did you mean 'image'",
        ),
        (
            {"inputs": {"d": {"type": "uri_file", "path": "file:///etc/hostname"}}},
            "/inputs/d/path",
            "code root",
        ),
        ({"trial": {**TRIAL, "code": "big"}}, "/trial/code", "more than 10000 files or 104857600"),
        ({"limits": {"max_total_trials": 1001}}, "/limits/max_total_trials", "1000"),
        ({"name": "a b"}, "/name", "letters, digits"),
        (
            {
                "sampling_algorithm": "bayesian",
                "search_space": {"x": {"type": "lognormal", "mu": 0, "sigma": 1}},
            },
            "/search_space/x",
            "bayesian",
        ),
        (
            {
                "sampling_algorithm": "grid",
                "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
            },
            "/search_space/x",
            "choice",
        ),
        ({"compute": "local"}, "/compute", "backend: local"),
        *(
            ({"trial": {"command": COMMAND, "environment": text}}, "/trial/environment", "NAME")
            for text in ("env:1", "azureml:env", "azureml:env@", "azureml:a/b:1")
        ),
        *(
            (
                {"trial": {"command": COMMAND, "environment": "azureml:e:1", "code": text}},
                "/trial/code",
                "NAME:VERSION",
            )
            for text in ("azureml:code", "azureml:code@latest")
        ),
        ({"inputs": {"k": "-"}}, "/inputs/k", "digit"),
        ({"inputs": {"d": {"path": "azureml:data"}}}, "/inputs/d/path", "NAME:VERSION"),
        (
            {"inputs": {"d": {"path": "azureml:data:1", "mode": "eval_mount"}}},
            "/inputs/d/mode",
            "mltable",
        ),
        (
            {"inputs": {"d": {"type": "uri_file", "path": "../x"}}},
            "/inputs/d/path",
            "without '..'",
        ),
    ],
)
@pytest.mark.usefixtures("big_folder")
def test_what_azure_would_refuse_is_refused_here(
    azure_service: Served, emulator: RunningEmulator, change: Json, pointer: str, word: str
) -> None:
    """With the place and the limit, and without a request to Azure."""
    emulator.misbehave()
    answer = azure_service.client.post("/v1/sweeps", json={**azure_document(COMMAND), **change})
    assert answer.status_code == 422, answer.text
    faults = {fault["pointer"]: fault["message"] for fault in answer.json()["errors"]}
    assert word in faults[pointer]
    assert not emulator.requests("PUT")


def test_a_missing_setting_is_named_and_local_sweeps_are_served(service: Served) -> None:
    """Without any Azure setting the backend is simply not there."""
    answer = service.client.post("/v1/sweeps", json=azure_document(COMMAND))
    assert answer.status_code == 422
    assert "not configured" in answer.text


EXPRESSIONS: Json = {
    "c": {"type": "choice", "values": [16, "a", True, 0.5]},
    "ri": {"type": "randint", "upper": 100},
    "u": {"type": "uniform", "min_value": 0, "max_value": 1},
    "qu": {"type": "quniform", "min_value": 1, "max_value": 100, "q": 5},
    "lu": {"type": "loguniform", "min_value": -6, "max_value": -1},
    "qlu": {"type": "qloguniform", "min_value": 0, "max_value": 5, "q": 1},
    "n": {"type": "normal", "mu": 0, "sigma": 1},
    "qn": {"type": "qnormal", "mu": 10, "sigma": 2, "q": 1},
    "ln": {"type": "lognormal", "mu": 0, "sigma": 1},
    "qln": {"type": "qlognormal", "mu": 0, "sigma": 1, "q": 1},
    "b": {
        "type": "choice",
        "values": [{"lr": {"type": "uniform", "min_value": 0, "max_value": 1}}, {"opt": "adam"}],
    },
}


def _sent(space: Json = EXPRESSIONS, **more: Any) -> Json:  # noqa: ANN401 - keys of the document
    """The properties of the job as the SDK would put them."""
    body = azure_document("python a.py", space, code="azureml:code:1", **more)
    document = parse_document(body).completed(
        name="n", backend="azureml", max_concurrent_trials=2, seed=7
    )
    submission = Submission(name="n", document=document, document_hash="h", request_id="r")
    job = job_of(submission, PLACE)
    properties: Json = job._to_rest_object().as_dict()["properties"]  # noqa: SLF001 - what the SDK itself sends
    return properties


def test_every_expression_reaches_the_wire() -> None:
    """In the form of Azure's REST API; the experiment and the hash are always there."""
    sent = _sent()
    assert sent["searchSpace"] == {
        "c": ["choice", [[16, "a", True, 0.5]]],
        "ri": ["randint", [100]],
        "u": ["uniform", [0, 1]],
        "qu": ["quniform", [1, 100, 5]],
        "lu": ["loguniform", [-6, -1]],
        "qlu": ["qloguniform", [0, 5, 1]],
        "n": ["normal", [0, 1]],
        "qn": ["qnormal", [10, 2, 1]],
        "ln": ["lognormal", [0, 1]],
        "qln": ["qlognormal", [0, 1, 1]],
        "b": ["choice", [[{"lr": ["uniform", [0, 1]]}, {"opt": "adam"}]]],
    }
    assert sent["experimentName"] == "default"
    assert sent["trial"]["codeId"] == f"{Ids(PLACE).workspace}/codes/code/versions/1"
    assert (sent["tags"][HASH_TAG], sent["tags"][REQUEST_TAG]) == ("h", "r")


def test_values_keep_their_kind() -> None:
    """Small numbers and text that looks like a number, in branches too; any character in a text."""
    space = {
        "c": {"type": "choice", "values": [1e-05, 2.0, "3", "1e-05"]},
        "b": {"type": "choice", "values": [{"text": "3", "flag": False}, {"small": 1e-05}]},
    }
    sent = _sent(space, description="done 😀\u2028\x7f", tags={"t": "😀"})
    assert sent["searchSpace"] == {
        "c": ["choice", [[1e-05, 2.0, "3", "1e-05"]]],
        "b": ["choice", [[{"text": "3", "flag": False}, {"small": 1e-05}]]],
    }
    assert sent["description"] == "done 😀\u2028\x7f"
    assert sent["tags"]["t"] == "😀"


@pytest.mark.parametrize("sampling", ["grid", "bayesian"])
def test_a_seed_that_azure_does_not_take_is_not_sent(sampling: str) -> None:
    """The local engine's bayesian sampling takes one; the author is told."""
    algorithm = {"type": sampling, "seed": 3}
    body = azure_document(COMMAND, sampling_algorithm=algorithm)
    assert any("seed" in words for words in judgement_of(parse_document(body)).warnings)
    space = {"x": {"type": "choice", "values": [1, 2]}}
    sent = _sent(space, sampling_algorithm=algorithm)["samplingAlgorithm"]
    assert sent == {"samplingAlgorithmType": sampling.capitalize()}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"type": "bandit", "slack_factor": 0.1}, {"policyType": "Bandit", "slackFactor": 0.1}),
        ({"type": "bandit", "slack_amount": 2}, {"policyType": "Bandit", "slackAmount": 2}),
        ("median_stopping", {"policyType": "MedianStopping"}),
        (
            {"type": "truncation_selection", "truncation_percentage": 20},
            {"policyType": "TruncationSelection", "truncationPercentage": 20},
        ),
    ],
)
def test_every_policy_reaches_the_wire(policy: Any, expected: Json) -> None:  # noqa: ANN401 - a document's value
    """The evaluation interval is never 0, the SDK's own default."""
    sent = _sent(early_termination=policy)["earlyTermination"]
    assert expected.items() <= sent.items()
    assert sent["evaluationInterval"] == 1


def test_the_rest_of_the_document_reaches_the_wire() -> None:
    """Limits, queue, identity, resources, variables, inputs, outputs, an inline environment."""
    sent = _sent(
        limits={"max_total_trials": 3, "timeout": 7200, "trial_timeout": 600},
        queue_settings={"job_tier": "standard"},
        identity={"type": "user_identity"},
        resources={"instance_count": 2},
        inputs={"k": 3, "d": {"type": "uri_file", "path": "https://example.org/a.csv"}},
        outputs={"o": {"type": "uri_folder"}},
        sampling_algorithm={"type": "random", "seed": 5, "rule": "sobol", "logbase": 10},
        tags={"team": "a"},
        display_name="shown",
    )
    assert sent["limits"]["timeout"] == "PT2H"
    assert sent["limits"]["trialTimeout"] == "PT10M"
    assert sent["queueSettings"]["jobTier"].lower() == "standard"
    assert sent["identity"]["identityType"] == "UserIdentity"
    assert sent["inputs"]["k"] == {"jobInputType": "literal", "value": "3"}
    assert sent["inputs"]["d"]["uri"] == "https://example.org/a.csv"
    assert "o" in sent["outputs"]
    assert sent["samplingAlgorithm"]["seed"] == 5
    assert sent["samplingAlgorithm"]["rule"] == "sobol"
    assert sent["samplingAlgorithm"]["logbase"] == "10.0"
    assert sent["displayName"] == "shown"
    assert sent["tags"]["team"] == "a"


def test_our_own_keys_do_not_reach_azure() -> None:
    """The document that the SDK reads is Azure's alone."""
    document = parse_document(azure_document(COMMAND)).completed(
        name="n", backend="azureml", max_concurrent_trials=2, seed=7
    )
    body = job_document(Submission(name="n", document=document, document_hash="h"), PLACE)
    assert not {"backend", "extra_limits", "constraints", "continue_from", "canary"} & set(body)
