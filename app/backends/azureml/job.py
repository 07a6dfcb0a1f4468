"""From a submission to the sweep job that Azure ML takes: the document in the SDK's own YAML form."""

import io
import json
from typing import Any

from app.sweep.document import DataInput
from app.sweep.record import Submission

HASH_TAG = "sweepfront.document_hash"
_OURS = ("backend", "extra_limits", "constraints", "continue_from", "canary")


def job_document(submission: Submission) -> dict[str, Any]:
    """The document as `az ml job create` takes it; pure.

    Local code and data become absolute paths, which the SDK uploads; our own keys go, a tag with
    the document's hash comes.
    """
    body: dict[str, Any] = dict(submission.document.normalized())
    for key in _OURS:
        body.pop(key, None)
    body["name"] = submission.name
    body["tags"] = {**body.get("tags", {}), HASH_TAG: submission.document_hash}
    trial = dict(body["trial"])
    if submission.code is not None:
        trial["code"] = str(submission.code)
    body["trial"] = trial
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

    return load_job(io.StringIO(json.dumps(job_document(submission))))
