"""From a submission to the sweep job that Azure ML takes: the document in the SDK's own YAML form."""

import io
import json
from collections.abc import Mapping
from typing import Any

from app.sweep.document import DataInput
from app.sweep.record import Submission

HASH_TAG = "sweepfront.document_hash"
REQUEST_TAG = "sweepfront.request_id"
_OURS = ("backend", "extra_limits", "constraints", "continue_from", "canary")


def job_document(submission: Submission) -> dict[str, Any]:
    """The document as `az ml job create` takes it; pure.

    Local code and data become absolute paths, which the SDK uploads; our own keys go, tags with
    the document's hash and the request's id come.
    """
    body: dict[str, Any] = dict(submission.document.normalized())
    for key in _OURS:
        body.pop(key, None)
    body["name"] = submission.name
    ours = {HASH_TAG: submission.document_hash}
    if submission.request_id is not None:
        ours[REQUEST_TAG] = submission.request_id
    body["tags"] = {**body.get("tags", {}), **ours}
    trial = dict(body["trial"])
    if submission.code is not None:
        trial["code"] = str(submission.code)
    body["trial"] = trial
    if policy := body.get("early_termination"):
        body["early_termination"] = {
            key: value for key, value in policy.items() if key != "exclude_finished_jobs"
        }
    body["inputs"] = {
        name: {**body["inputs"][name], "path": str(submission.inputs[name])}
        if isinstance(given, DataInput) and name in submission.inputs
        else body["inputs"][name]
        for name, given in submission.document.inputs.items()
    }
    return body


def job_of(submission: Submission) -> Any:  # noqa: ANN401 - the SDK's SweepJob
    """The SDK's job, read by the SDK's own loader, so that every key means what it means there."""
    from azure.ai.ml import load_job  # noqa: PLC0415 - heavy

    body = job_document(submission)
    space = body["search_space"]
    text = json.dumps({**body, "search_space": _without_booleans(space)})
    job: Any = load_job(io.StringIO(text))
    _restore_booleans(job.search_space, space)
    logbase = getattr(job.sampling_algorithm, "logbase", None)
    if logbase is not None:
        # The loader takes a number, the service a text.
        job.sampling_algorithm.logbase = str(logbase)
    return job


def _without_booleans(space: Any) -> Any:  # noqa: ANN401 - JSON
    """The space with booleans as text: the loader refuses in a choice what the service takes."""
    if isinstance(space, bool):
        return str(space)
    if isinstance(space, list):
        return [_without_booleans(value) for value in space]
    if isinstance(space, dict):
        return {key: _without_booleans(value) for key, value in space.items()}
    return space


def _restore_booleans(loaded: Any, space: Mapping[str, Any]) -> None:  # noqa: ANN401 - the SDK's
    """Put the booleans back where they were."""
    for name, expression in space.items():
        if isinstance(expression, bool):
            loaded[name] = expression
        if not isinstance(expression, dict) or expression["type"] != "choice":
            continue
        values = loaded[name].values
        for index, value in enumerate(expression["values"]):
            if isinstance(value, bool):
                values[index] = value
            elif isinstance(value, dict):
                _restore_booleans(values[index], value)
