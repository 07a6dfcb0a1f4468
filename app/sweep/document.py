"""The sweep document: the body of `POST /v1/sweeps`, Azure ML's sweep YAML with our few keys.

Keys and forms are those of https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field

from app.sweep.cloud import Identity, QueueSettings, Resources, lower
from app.sweep.data import AnyInput, AnyOutput
from app.sweep.early_termination import EarlyTermination
from app.sweep.part import Part
from app.sweep.sampling import GridSampling, SamplingAlgorithm
from app.sweep.search_space import HyperparameterName, SearchSpace, cardinality
from app.sweep.template import TrialTemplate

MAX_TOTAL_TRIALS = 1000
MAX_CONCURRENT_TRIALS = 100
MAX_SECONDS = 60 * 24 * 3600
MAX_PRIORITY = 100

BackendName = Literal["local", "azureml"]
Text = Annotated[str, Field(max_length=10_000)]
Tags = Annotated[dict[str, str], Field(max_length=100)]
Seconds = Annotated[int, Field(ge=1, le=MAX_SECONDS)]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def _job_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            "must be 1 to 100 letters, digits, '-' or '_', the first one a letter or a digit, as "
            "Azure ML wants the names of jobs"
        )
    return value


class Objective(Part):
    """The metric to optimise and its direction."""

    primary_metric: Annotated[str, Field(min_length=1, max_length=250, pattern=r"[A-Za-z0-9]")]
    """The name that the script logs with mlflow.log_metric."""
    goal: Annotated[Literal["minimize", "maximize"], BeforeValidator(lower)]
    """Whether small or large values are good."""


class Limits(Part):
    """When the sweep ends; durations are seconds."""

    max_total_trials: Annotated[int, Field(ge=1, le=MAX_TOTAL_TRIALS)]
    """How many trials run at most."""
    max_concurrent_trials: Annotated[int | None, Field(ge=1, le=MAX_CONCURRENT_TRIALS)] = None
    """How many run at once; by default the slots of the local engine, on Azure ML as many as run."""
    timeout: Seconds | None = None
    """Seconds after which the sweep is canceled."""
    trial_timeout: Seconds | None = None
    """Seconds after which a trial fails."""


class ExtraLimits(Part):
    """Stop conditions that Azure ML does not have, and whose turn it is."""

    max_failed_trials: Annotated[int | None, Field(ge=1, le=MAX_TOTAL_TRIALS)] = None
    """The sweep fails when so many trials have."""
    target_value: Annotated[int | float | None, Field(allow_inf_nan=False)] = None
    """The sweep is completed when a completed trial reaches it."""
    priority: Annotated[int | None, Field(ge=-MAX_PRIORITY, le=MAX_PRIORITY)] = None
    """Sweeps of a higher one get free slots first; 0 when absent."""


class SweepDocument(Part):
    """A whole sweep, as it is posted and as it is stored."""

    schema_: Annotated[str | None, Field(alias="$schema")] = None
    """For editors; not looked at."""
    type: Literal["sweep"] = "sweep"
    """The kind of job."""
    name: Annotated[
        Annotated[str, AfterValidator(_job_name)] | None,
        Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"}),
    ] = None
    """Chosen by us when absent; posting the same document again is harmless."""
    backend: BackendName | None = None
    """Who runs it; the service's default when absent."""
    experiment_name: Annotated[str, Field(min_length=1, max_length=250)] = "default"
    """Sweeps of one name are listed together."""
    display_name: Annotated[str | None, Field(max_length=250)] = None
    """The name that people read."""
    description: Text | None = None
    """What it is for."""
    tags: Tags = {}
    """Words to find it by."""
    properties: Tags | None = None
    """Like tags, but Azure ML lets nobody change them later."""
    trial: TrialTemplate
    """The command of a trial, and what it needs."""
    inputs: Annotated[
        dict[HyperparameterName, AnyInput],
        Field(max_length=100, json_schema_extra={"additionalProperties": False}),
    ] = {}
    """Constants and data for ${{inputs.NAME}}."""
    outputs: Annotated[
        dict[HyperparameterName, AnyOutput],
        Field(max_length=100, json_schema_extra={"additionalProperties": False}),
    ] = {}
    """Folders for ${{outputs.NAME}}; what lies in ./outputs is kept anyway."""
    search_space: SearchSpace
    """Hyperparameters and the values that they may have."""
    sampling_algorithm: SamplingAlgorithm
    """How points of the search space are drawn: random, grid, bayesian, or one with settings."""
    objective: Objective
    """What is optimised."""
    early_termination: EarlyTermination | None = None
    """Which trials are stopped before their end; none when absent."""
    limits: Limits
    """When the sweep ends."""
    compute: str | None = None
    """Where Azure ML runs it; no effect on the local backend."""
    resources: Resources | None = None
    """Machines of one trial on Azure ML."""
    queue_settings: QueueSettings | None = None
    """How the job waits on Azure ML."""
    identity: Identity | None = None
    """As whom a trial reaches data on Azure ML."""
    extra_limits: ExtraLimits | None = None
    """More stop conditions, and a priority; on the local backend."""
    constraints: Annotated[list[str] | None, Field(max_length=100)] = None
    """Conditions that every drawn point fulfils, such as "n_estimators * max_samples <= 20"."""
    continue_from: Annotated[list[str] | None, Field(max_length=100)] = None
    """Not supported by this version."""
    canary: bool = False
    """Not supported by this version."""

    @classmethod
    def stored(cls, body: Mapping[str, object]) -> Self:
        """Read a document that was judged before it was written down."""
        return cls.model_validate(body)

    def normalized(self) -> dict[str, object]:
        """The document as plain JSON values: defaults written out, short forms made long."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def as_written(self) -> dict[str, object]:
        """The document as somebody would write it: without its name and without mere defaults."""
        return self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True, exclude={"name"}
        )

    def with_limits(self, limits: Limits) -> Self:
        """The document with other limits."""
        return self.model_copy(update={"limits": limits})

    @property
    def priority(self) -> int:
        """Of two sweeps that want a free slot, the one with the higher number gets it."""
        return (self.extra_limits.priority if self.extra_limits else None) or 0

    def digest(self) -> str:
        """SHA-256 (hex) of the normalised document without its name.

        The order of hyperparameters counts, since the grid and every draw depend on it.
        """
        body = {key: value for key, value in self.normalized().items() if key != "name"}
        text = json.dumps(body, sort_keys=True) + json.dumps(body["search_space"])
        return hashlib.sha256(text.encode()).hexdigest()

    def completed(
        self, *, name: str | None, backend: BackendName, max_concurrent_trials: int, seed: int
    ) -> Self:
        """The document with what its author left open filled in, so that it can be repeated."""
        limits = self.limits
        if limits.max_concurrent_trials is None:
            limits = limits.model_copy(update={"max_concurrent_trials": max_concurrent_trials})
        sampling = self.sampling_algorithm
        if not isinstance(sampling, GridSampling) and sampling.seed is None:
            sampling = sampling.model_copy(update={"seed": seed})
        return self.model_copy(
            update={
                "name": name,
                "backend": backend,
                "limits": limits,
                "sampling_algorithm": sampling,
            }
        )


def expected_trials(body: Mapping[str, Any]) -> int:
    """How many trials the sweep of a stored document has if nothing ends it earlier."""
    wanted = int(body["limits"]["max_total_trials"])
    if body["sampling_algorithm"]["type"] != "grid":
        return wanted
    return min(wanted, cardinality(SweepDocument.stored(body).search_space) or wanted)
