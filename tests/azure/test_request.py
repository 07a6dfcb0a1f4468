"""The request that is shown is the request that Azure's SDK sends."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities._job.to_rest_functions import to_rest_job_object
from azure.core.credentials import AccessToken
from hypothesis import given, settings

from app.backends.azureml.job import HASH_TAG, REQUEST_TAG, job_of
from app.backends.azureml.request import request_of
from app.backends.azureml.workspace import Place
from app.sweep.data import DataInput
from app.sweep.document import SweepDocument
from app.sweep.environment import InlineEnvironment
from app.sweep.parsing import parse_document
from app.sweep.record import Submission
from tests.azure.conftest import azure_document
from tests.azure.request_documents import CASES, COMMAND
from tests.azure.spaces import SPACES
from tests.azure_emulator.arm import GROUP, SUBSCRIPTION, WORKSPACE, W
from tests.azure_emulator.running import RunningEmulator
from tests.azure_emulator.specification import check_job
from tests.served import ROOT, Json, Served

PLACE = Place(subscription_id=SUBSCRIPTION, resource_group=GROUP, workspace=WORKSPACE)


class _Credential:
    """Of nobody: making a client and resolving short names asks nothing of Azure."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        """A token that is never used."""
        return AccessToken("", int(time.time()) + 3600)


@pytest.fixture(scope="module")
def client() -> MLClient:
    """The SDK's client of the workspace."""
    return MLClient(_Credential(), SUBSCRIPTION, GROUP, WORKSPACE, show_progress=False)


def _submission(given: SweepDocument, code: Path | None = None) -> Submission:
    document = given.completed(name="n", backend="azureml", max_concurrent_trials=2, seed=7)
    asset = document.trial.code_asset
    return Submission(
        name="n",
        document=document,
        document_hash="h",
        code=None if asset or document.trial.code is None else code,
        inputs={
            name: Path("/data") / given.path
            for name, given in document.inputs.items()
            if isinstance(given, DataInput) and not given.remote
        },
        request_id="r",
    )


def _sent(client: MLClient, submission: Submission) -> Json:
    """The properties in the SDK's PUT; what it would upload or look up is replaced by the placeholder."""
    document = submission.document
    job = job_of(submission, PLACE)
    code, environment = document.trial.code, document.trial.environment
    uploads: list[tuple[Any, str, str]] = []
    if submission.code is not None:
        uploads.append((job.trial, "code", f"{{code asset of {code}}}"))
    if isinstance(environment, InlineEnvironment):
        shown = f"{{environment asset: {environment.image}}}"
        uploads.append((job.trial, "environment", shown))
    for name in submission.inputs:
        shown = f"{{upload of {document.inputs[name].path}}}"  # type: ignore[union-attr]
        uploads.append((job.inputs[name], "path", shown))
    for owner, key, _ in uploads:
        setattr(owner, key, "https://example.org" if key == "path" else None)
    client.jobs._resolve_arm_id_or_upload_dependencies(job)  # noqa: SLF001 - what the SDK does before its PUT
    for owner, key, shown in uploads:
        setattr(owner, key, shown)
    sent: Json = to_rest_job_object(job).as_dict()["properties"]
    return sent


def _cases() -> Iterator[Any]:
    for label, changes in CASES.items():
        for index, change in enumerate(changes):
            yield pytest.param(change, id=f"{label} {index}")


@pytest.mark.parametrize("change", list(_cases()))
def test_it_is_what_the_sdk_sends(client: MLClient, tmp_path: Path, change: Json) -> None:
    """Key by key, and by the specification that the emulator holds bodies against."""
    submission = _submission(parse_document({**azure_document(COMMAND), **change}), tmp_path)
    shown = request_of(submission, PLACE)["body"]
    assert shown["properties"] == _sent(client, submission)
    check_job(shown)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with code."""
    return tmp_path_factory.mktemp("code")


@given(space=SPACES)
@settings(max_examples=200, deadline=None)
def test_every_search_space_is_what_the_sdk_sends(
    client: MLClient, code: Path, space: Json
) -> None:
    """Constants keep their kind: "3" stays text, 1e-05 a number, true a boolean."""
    body = azure_document(COMMAND, space, sampling_algorithm="random")
    # Not judged as a whole: a name in two branches or a bound too large is no matter here.
    submission = _submission(SweepDocument.stored(body), code)
    shown = request_of(submission, PLACE)["body"]["properties"]
    sent = _sent(client, submission)
    assert shown == sent
    # As text too, in which 1, 1.0 and true differ.
    assert json.dumps(shown["searchSpace"]) == json.dumps(sent["searchSpace"])


def test_it_is_what_goes_over_the_wire(azure_service: Served, emulator: RunningEmulator) -> None:
    """With code and data that are uploaded, but for the ids that only the upload can tell."""
    body = azure_document(
        "python quadratic.py --x ${{search_space.x}} --steps ${{inputs.steps}}",
        inputs={
            "steps": 1,
            "data": {
                "type": "uri_file",
                "path": "job/quadratic.py",
                "datastore": "workspaceartifactstore",
            },
        },
        outputs={"model": None},
        compute="azureml:cpu-cluster",
        tags={"team": "ä 😀"},
        properties={"k": "v"},
        early_termination={"type": "bandit", "slack_factor": 0.2, "delay_evaluation": 2},
        limits={"max_total_trials": 1, "timeout": 7200, "trial_timeout": 30},
    )
    name = azure_service.submit(body)["name"]
    azure_service.finished(name)
    record = azure_service.client.get(f"/v1/sweeps/{name}").json()
    sent = emulator.job(name)
    submission = Submission(
        name=name,
        document=parse_document(record["document"]),
        document_hash=record["document_hash"],
        request_id=sent["tags"][REQUEST_TAG],
    )
    request = request_of(submission, PLACE)
    assert request["path"] == f"{W}/jobs/{name}"
    assert request["query"] == {"api-version": "2024-01-01-preview"}
    assert emulator.requests(f"PUT {request['path']}$")
    shown = request["body"]["properties"]
    assert shown["trial"].pop("codeId") == "{code asset of job}"
    assert shown["inputs"]["data"].pop("uri") == "{upload of job/quadratic.py}"
    assert sent["trial"].pop("codeId").startswith(f"{W}/codes/")
    assert "/workspaceartifactstore/" in sent["inputs"]["data"].pop("uri")
    # Of the checkout that the tests run in.
    sent["properties"] = {key: v for key, v in sent["properties"].items() if ".git." not in key}
    assert shown == sent
    assert shown["tags"][HASH_TAG] == record["document_hash"]


def test_what_is_not_known_is_named_in_braces() -> None:
    """A workspace that is not configured, the version behind a label, an image to be registered."""
    nowhere = Place(subscription_id="", resource_group="", workspace="")
    change = {
        "trial": {"command": COMMAND, "code": "job", "environment": "azureml:env@latest"},
        "inputs": {"d": {"path": "azureml:d@latest"}, "m": {"path": "data/x"}},
    }
    request = request_of(
        _submission(parse_document({**azure_document(COMMAND), **change})), nowhere
    )
    workspace = (
        "/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/"
        "Microsoft.MachineLearningServices/workspaces/{workspace}"
    )
    assert (request["method"], request["path"]) == ("PUT", f"{workspace}/jobs/n")
    properties = request["body"]["properties"]
    assert properties["trial"]["codeId"] == "{code asset of job}"
    assert (
        properties["trial"]["environmentId"] == f"{workspace}/environments/env/versions/{{latest}}"
    )
    assert properties["inputs"]["d"]["uri"] == f"{workspace}/data/d/versions/{{latest}}"
    assert properties["inputs"]["m"]["uri"] == "{upload of data/x}"


def test_it_needs_no_azure() -> None:
    """Neither the import nor the call loads the SDK, and it takes milliseconds."""
    body = json.dumps(azure_document(COMMAND))
    program = f"""
import json, sys, time
from app.backends.azureml.request import request_of
from app.backends.azureml.workspace import Place
from app.sweep.parsing import parse_document
from app.sweep.record import Submission
document = parse_document(json.loads({body!r}))
submission = Submission(name="n", document=document, document_hash="h")
place = Place(subscription_id="s", resource_group="g", workspace="w")
started = time.perf_counter()
request = request_of(submission, place)
took = time.perf_counter() - started
heavy = [name for name in sys.modules if name.split(".")[0] in ("azure", "mlflow", "msrest")]
print(json.dumps([request["method"], heavy, took]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    method, heavy, took = json.loads(answer.stdout)
    assert (method, heavy) == ("PUT", [])
    assert took < 0.1
