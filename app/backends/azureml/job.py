"""From a submission to the sweep job that Azure ML takes: the document in the SDK's own YAML form."""

import io
from collections.abc import Mapping
from typing import Any

from app.backends.azureml.combinations import combined
from app.backends.azureml.ids import Ids
from app.backends.azureml.workspace import Place
from app.sweep.data import DataInput
from app.sweep.record import Submission

HASH_TAG = "sweepfront.document_hash"
REQUEST_TAG = "sweepfront.request_id"
_OURS = ("backend", "extra_limits", "constraints", "continue_from", "canary")


def azure_document(submission: Submission) -> dict[str, Any]:
    """The document in Azure's words, code and data still named as its author named them; pure.

    Constraints become a choice of what they allow; our own keys go, tags with the document's hash and the request's id come.
    """
    body: dict[str, Any] = dict(submission.document.normalized())
    for key in _OURS:
        body.pop(key, None)
    body["name"] = submission.name
    ours = {HASH_TAG: submission.document_hash}
    if submission.request_id is not None:
        ours[REQUEST_TAG] = submission.request_id
    body["tags"] = {**body.get("tags", {}), **ours}
    if policy := body.get("early_termination"):
        body["early_termination"] = {
            key: value for key, value in policy.items() if key != "exclude_finished_jobs"
        }
    if submission.document.constraints:
        body["search_space"] = combined(submission.document)
    if (sampling := body["sampling_algorithm"])["type"] != "random":
        # The local engine's bayesian sampling takes a seed, Azure's does not.
        body["sampling_algorithm"] = {"type": sampling["type"]}
    return body


def job_document(submission: Submission, place: Place) -> dict[str, Any]:
    """The document as `az ml job create` takes it; pure.

    Local code and data become absolute paths, which the SDK uploads. Registered code becomes an
    id: the SDK would look for a folder of the name azureml:NAME:VERSION.
    """
    body = azure_document(submission)
    trial = dict(body["trial"])
    if submission.code is not None:
        trial["code"] = str(submission.code)
    elif submission.document.trial.code_asset:
        trial["code"] = f"azureml:{Ids(place).code(trial['code'])}"
    body["trial"] = trial
    body["inputs"] = {
        name: {**body["inputs"][name], "path": str(submission.inputs[name])}
        if isinstance(given, DataInput) and name in submission.inputs
        else body["inputs"][name]
        for name, given in submission.document.inputs.items()
    }
    return body


def job_of(submission: Submission, place: Place) -> Any:  # noqa: ANN401 - the SDK's SweepJob
    """The SDK's job, read by the SDK's own loader, so that every key means what it means there.

    The loader takes values beside the file's text, so that none is read as YAML again. The search
    space does not pass through it: in choices it refuses booleans and turns "3" into 3.0.
    """
    from azure.ai.ml import load_job  # noqa: PLC0415 - heavy

    body = job_document(submission, place)
    space = body.pop("search_space")
    values = [{key: value} for key, value in body.items()]
    job: Any = load_job(io.StringIO("type: sweep"), params_override=values)
    job.search_space = {name: _expression(given) for name, given in space.items()}
    logbase = getattr(job.sampling_algorithm, "logbase", None)
    if logbase is not None:
        # The loader takes a number, the service a text.
        job.sampling_algorithm.logbase = str(logbase)
    return job


def _expression(given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the SDK's SweepDistribution
    """The SDK's expression; a branch's expressions too."""
    from azure.ai.ml import sweep  # noqa: PLC0415 - heavy

    classes = {
        "choice": sweep.Choice,
        "randint": sweep.Randint,
        "uniform": sweep.Uniform,
        "quniform": sweep.QUniform,
        "loguniform": sweep.LogUniform,
        "qloguniform": sweep.QLogUniform,
        "normal": sweep.Normal,
        "qnormal": sweep.QNormal,
        "lognormal": sweep.LogNormal,
        "qlognormal": sweep.QLogNormal,
    }
    fields = {key: value for key, value in given.items() if key != "type"}
    if given["type"] == "choice":
        fields["values"] = [_value(value) for value in given["values"]]
    return classes[given["type"]](**fields)


def _value(given: Any) -> Any:  # noqa: ANN401 - a constant or a branch
    if not isinstance(given, dict):
        return given
    return {
        name: _expression(value) if isinstance(value, dict) else value
        for name, value in given.items()
    }
