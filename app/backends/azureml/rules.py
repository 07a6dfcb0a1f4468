"""What Azure ML would refuse or change of a document, said before anything is stored."""

import re
from collections.abc import Iterator
from typing import TypedDict

from pydantic import BaseModel

from app.backends.azureml.combinations import not_combined
from app.backends.base import Judgement
from app.sweep.data import DataInput
from app.sweep.document import SweepDocument
from app.sweep.early_termination import TruncationSelectionPolicy
from app.sweep.environment import InlineEnvironment
from app.sweep.errors import FieldError
from app.sweep.faults import pointer
from app.sweep.sampling import BayesianSampling, RandomSampling
from app.sweep.search_space import Choice, QUniform, Scalar, Uniform, walk

_MINUTE = 60
_BAYESIAN = (Choice, Uniform, QUniform)
_VERSIONED = re.compile(r"azureml:(/.+|[^/:@]+:[^/@]+)")
"""A whole id, or NAME:VERSION."""
_LABELLED = re.compile(r"azureml:[^/:@]+@[^/:@]+")
_SHOWN = re.compile(r"[A-Za-z0-9_]")
"""What Azure's REST specification wants at least once in a literal."""
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
        "bayesian takes choice, uniform and quniform",
        "constraints are sent as one choice of the allowed combinations, 1000 at most",
        "early_terminated is inferred from a trial canceled while its sweep ran",
    ],
}


def judgement_of(document: SweepDocument) -> Judgement:
    """Hold a document against what Azure ML takes."""
    return Judgement(errors=list(_refused(document)), warnings=list(_changed(document)))


def _refused(document: SweepDocument) -> Iterator[FieldError]:
    yield from _refused_trial(document)
    for name, given in document.inputs.items():
        yield from _refused_input(name, given)
    if (
        document.compute is not None
        and document.compute.removeprefix("azureml:").lower() == "local"
    ):
        yield FieldError(
            pointer="/compute",
            message="Azure ML runs no sweep on local compute; use backend: local",
            value=document.compute,
        )
    policy = document.early_termination
    if isinstance(policy, TruncationSelectionPolicy) and policy.exclude_finished_jobs:
        yield FieldError(
            pointer="/early_termination/exclude_finished_jobs",
            message="Azure's documentation names it, its SDK does not take it; leave it out",
            value=True,
        )
    if isinstance(document.sampling_algorithm, BayesianSampling):
        yield from _beyond_bayesian(document)
    if document.constraints and (reason := not_combined(document)):
        yield FieldError(pointer="/constraints", message=reason)
    if document.extra_limits is not None:
        yield FieldError(
            pointer="/extra_limits", message="works on the local backend only; leave it out"
        )


def _refused_trial(document: SweepDocument) -> Iterator[FieldError]:
    trial = document.trial
    environment = trial.environment
    if environment is None:
        yield FieldError(
            pointer="/trial/environment",
            message="is required on azureml: azureml:NAME:VERSION, azureml:NAME@latest, or an "
            "inline image with a conda_file",
        )
    elif isinstance(environment, str) and not _named(environment):
        yield FieldError(
            pointer="/trial/environment",
            message="is written azureml:NAME:VERSION, azureml:NAME@latest, "
            "azureml://registries/... or as an object; a file is read by the command line: "
            "python -m app submit",
            value=environment,
        )
    elif isinstance(environment, InlineEnvironment):
        yield from _refused_environment(environment)
    if trial.code_asset and not _VERSIONED.fullmatch(trial.code or ""):
        yield FieldError(
            pointer="/trial/code",
            message="registered code is written azureml:NAME:VERSION",
            value=trial.code,
        )


def _refused_environment(environment: InlineEnvironment) -> Iterator[FieldError]:
    if environment.image is None:
        yield FieldError(
            pointer="/trial/environment/image",
            message="is required on azureml: the Docker image that the packages are added to",
        )
    if isinstance(environment.conda_file, str):
        # The SDK would look for it on the service's machine, outside of the code roots, too.
        yield FieldError(
            pointer="/trial/environment/conda_file",
            message="names a file that the service does not have; put its content here as an "
            "object, or let the command line do it: python -m app submit",
            value=environment.conda_file,
        )


def _named(text: str) -> bool:
    return bool(_VERSIONED.fullmatch(text) or _LABELLED.fullmatch(text))


def _refused_input(name: str, given: DataInput | Scalar) -> Iterator[FieldError]:
    if not isinstance(given, DataInput):
        if isinstance(given, str) and not _SHOWN.search(given):
            yield FieldError(
                pointer=pointer(("inputs", name)),
                message="Azure ML takes no text without a letter, a digit or _; leave it out",
                value=given,
            )
        return
    if given.path.startswith("azureml:") and not _named(given.path):
        yield FieldError(
            pointer=pointer(("inputs", name, "path")),
            message="is written azureml:NAME:VERSION, azureml:NAME@latest or azureml://...",
            value=given.path,
        )
    if given.mode in {"eval_mount", "eval_download"} and given.type != "mltable":
        yield FieldError(
            pointer=pointer(("inputs", name, "mode")),
            message=f"{given.mode} is for type: mltable; use ro_mount or download",
            value=given.mode,
        )


def _beyond_bayesian(document: SweepDocument) -> Iterator[FieldError]:
    for path, _, expression in walk(document.search_space):
        if isinstance(expression, BaseModel) and not isinstance(expression, _BAYESIAN):
            yield FieldError(
                pointer=pointer(("search_space", *path)),
                message=f"bayesian sampling on Azure ML takes choice, uniform and quniform, not "
                f"{expression.type}; use one of these, sampling_algorithm: random, or the local "
                "backend",
            )


def _changed(document: SweepDocument) -> Iterator[str]:
    for key in ("timeout", "trial_timeout"):
        seconds = getattr(document.limits, key)
        if seconds is not None and seconds < _MINUTE:
            yield (
                f"limits.{key} of {seconds} s is raised to 60 s by Azure ML's SDK; the service "
                "counts in minutes"
            )
    sampling = document.sampling_algorithm
    if not isinstance(sampling, RandomSampling) and sampling.seed is not None:
        yield (
            f"sampling_algorithm.seed is not sent: Azure ML's {sampling.type} sampling takes none; "
            "use random or the local backend to repeat a sequence"
        )
    if document.constraints:
        yield (
            "Azure ML gets the allowed combinations as one choice, each as likely as any other; "
            "its sampler sees one hyperparameter"
        )
    for name, given in document.inputs.items():
        if isinstance(given, bool | int | float) and not isinstance(given, DataInput):
            yield f"inputs.{name} reaches the script as text ({given}) on Azure ML"
