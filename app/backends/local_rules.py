"""What the local engine takes of a document, what it refuses, and what has no effect on it."""

from collections.abc import Iterator
from typing import TypedDict

from app.backends.base import Judgement
from app.sweep.data import DataInput
from app.sweep.document import SweepDocument
from app.sweep.errors import FieldError
from app.sweep.faults import pointer

_INPUT_TYPES = ("uri_file", "uri_folder")
_NO_EFFECT = ("compute", "resources", "queue_settings", "identity", "properties")
_NO_EFFECT_IN_TRIAL = ("environment", "distribution", "resources")


class _Abilities(TypedDict):
    sampling_algorithms: list[str]
    early_termination: list[str]
    input_types: list[str]
    notes: list[str]


CAPABILITIES: _Abilities = {
    "sampling_algorithms": ["random", "grid", "bayesian"],
    "early_termination": ["bandit", "median_stopping", "truncation_selection"],
    "input_types": ["literal", *_INPUT_TYPES],
    "notes": [
        "random takes rule: sobol and logbase",
        "bayesian takes every expression, and branches",
        "the cloud's own keys (environment, compute, resources, ...) are stored and have no effect",
    ],
}


def judgement_of(document: SweepDocument) -> Judgement:
    """Hold a document against what runs on this machine."""
    return Judgement(errors=list(_refused(document)), warnings=list(_without_effect(document)))


def _refused(document: SweepDocument) -> Iterator[FieldError]:
    if document.trial.code_asset:
        yield FieldError(
            pointer="/trial/code",
            message="a registered code asset exists only on Azure; name a folder under a code "
            "root or upload one with POST /v1/code",
            value=document.trial.code,
        )
    for name, given in document.inputs.items():
        if not isinstance(given, DataInput):
            continue
        if given.type not in _INPUT_TYPES:
            yield FieldError(
                pointer=pointer(("inputs", name, "type")),
                message=f"the local backend takes {' and '.join(_INPUT_TYPES)} with a local path",
                value=given.type,
            )
        elif given.remote:
            yield FieldError(
                pointer=pointer(("inputs", name, "path")),
                message="the local backend reads local paths only, relative to a code root; "
                "download the data and name the file or folder here",
                value=given.path,
            )


def _without_effect(document: SweepDocument) -> Iterator[str]:
    trial = document.trial
    keys = {key: getattr(document, key) for key in _NO_EFFECT}
    keys |= {f"trial.{key}": getattr(trial, key) for key in _NO_EFFECT_IN_TRIAL}
    keys |= {f"outputs.{name}.mode": output.mode for name, output in document.outputs.items()}
    keys |= {
        f"inputs.{name}.{key}": getattr(given, key)
        for name, given in document.inputs.items()
        if isinstance(given, DataInput)
        for key in ("mode", "datastore")
    }
    for key, value in keys.items():
        if value is not None:
            yield f"{key} has no effect on the local backend; it is kept for Azure ML"
