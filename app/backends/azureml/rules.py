"""What Azure ML would refuse or change of a document, said before anything is stored."""

from collections.abc import Iterator
from typing import TypedDict

from app.backends.base import Judgement
from app.sweep.document import DataInput, SweepDocument
from app.sweep.early_termination import TruncationSelectionPolicy
from app.sweep.errors import FieldError

_MINUTE = 60
_INPUT_TYPES = ["uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"]


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
        "exclude_finished_jobs and extra_limits are not supported",
        "early_terminated is inferred from a trial canceled while its sweep ran",
    ],
}


def judgement_of(document: SweepDocument) -> Judgement:
    """Hold a document against what Azure ML takes."""
    return Judgement(errors=list(_refused(document)), warnings=list(_changed(document)))


def _refused(document: SweepDocument) -> Iterator[FieldError]:
    if document.trial.environment is None:
        yield FieldError(
            pointer="/trial/environment",
            message="is required on azureml: azureml:NAME:VERSION, azureml:NAME@latest, or an "
            "inline image with a conda_file",
        )
    policy = document.early_termination
    if isinstance(policy, TruncationSelectionPolicy) and policy.exclude_finished_jobs:
        yield FieldError(
            pointer="/early_termination/exclude_finished_jobs",
            message="Azure's documentation names it, its SDK does not take it; leave it out",
            value=True,
        )
    if document.extra_limits is not None:
        yield FieldError(
            pointer="/extra_limits", message="works on the local backend only; leave it out"
        )


def _changed(document: SweepDocument) -> Iterator[str]:
    for key in ("timeout", "trial_timeout"):
        seconds = getattr(document.limits, key)
        if seconds is not None and seconds < _MINUTE:
            yield (
                f"limits.{key} of {seconds} s is raised to 60 s by Azure ML's SDK; the service "
                "counts in minutes"
            )
    for name, given in document.inputs.items():
        if isinstance(given, bool | int | float) and not isinstance(given, DataInput):
            yield f"inputs.{name} reaches the script as text ({given}) on Azure ML"
