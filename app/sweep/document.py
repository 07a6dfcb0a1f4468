"""The sweep document: the body of `POST /v1/sweeps`, Azure ML's sweep YAML with our few keys.

Keys and forms are those of https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from app.sweep.cloud import Distribution, Identity, QueueSettings, Resources, lower
from app.sweep.command import as_text
from app.sweep.early_termination import EarlyTermination
from app.sweep.sampling import RandomSampling, SamplingAlgorithm
from app.sweep.search_space import HyperparameterName, Scalar, SearchSpace, kind_of

MAX_TOTAL_TRIALS = 1000
MAX_CONCURRENT_TRIALS = 100
MAX_SECONDS = 60 * 24 * 3600

BackendName = Literal["local", "azureml"]
Text = Annotated[str, Field(max_length=10_000)]
Tags = Annotated[dict[str, str], Field(max_length=100)]
Seconds = Annotated[int, Field(ge=1, le=MAX_SECONDS)]
CloudSetting = dict[str, object]


def _texts(values: object) -> object:
    """YAML's numbers and booleans as the text that an environment variable can hold."""
    if not isinstance(values, dict):
        return values
    return {
        name: as_text(value) if isinstance(value, bool | int | float) else value
        for name, value in values.items()
    }


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class TrialTemplate(_Part):
    """What one trial runs."""

    command: Annotated[
        str,
        Field(
            min_length=1,
            max_length=65_536,
            description="The command line, with ${{search_space.NAME}} and ${{inputs.NAME}}.",
        ),
    ]
    code: Annotated[
        str | None,
        Field(max_length=1000, description="Folder under a code root, or upload:<sha256>."),
    ] = None
    environment: Annotated[
        str | CloudSetting | None,
        Field(description="azureml:name:version, or an inline image; optional on local."),
    ] = None
    environment_variables: Annotated[
        dict[str, str],
        BeforeValidator(_texts, json_schema_input_type=dict[str, Scalar]),
        Field(max_length=200),
    ] = {}
    distribution: Distribution | None = None
    resources: Resources | None = None

    @property
    def code_asset(self) -> bool:
        """True for code that is registered on Azure (azureml:name:version)."""
        return self.code is not None and self.code.startswith("azureml:")


class DataInput(_Part):
    """A file, folder or asset handed to every trial."""

    type: Literal[
        "uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"
    ] = "uri_folder"
    path: Annotated[str, Field(min_length=1, max_length=2000)]
    mode: Annotated[
        Literal["ro_mount", "download", "direct", "eval_mount", "eval_download"] | None,
        BeforeValidator(lower),
    ] = None
    datastore: Annotated[
        str | None, Field(description="Where Azure ML keeps a local path that is uploaded.")
    ] = None

    @property
    def remote(self) -> bool:
        """True for what lies in Azure or on the web: azureml:..., https://..., wasbs://..."""
        return ":" in self.path.split("/", 1)[0]


class LiteralInput(_Part):
    """Azure's long form of a literal."""

    value: Scalar


def _literal(value: object) -> object:
    """{value: 3} is 3."""
    return value["value"] if isinstance(value, dict) and set(value) == {"value"} else value


AnyInput = Annotated[
    Annotated[Scalar, Tag("constant")] | Annotated[DataInput, Tag("object")],
    Discriminator(kind_of),
    BeforeValidator(_literal, json_schema_input_type=Scalar | DataInput | LiteralInput),
]


def _version(value: object) -> object:
    """A version is text; YAML reads 1 and 1.0 as numbers."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value


class Output(_Part):
    """A folder or file that a trial leaves behind."""

    type: Literal[
        "uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"
    ] = "uri_folder"
    path: str | None = None
    mode: Annotated[
        Literal["rw_mount", "mount", "upload", "direct"] | None, BeforeValidator(lower)
    ] = None
    name: str | None = None
    version: Annotated[
        str | None,
        BeforeValidator(_version, json_schema_input_type=str | int | float | None),
    ] = None


def _given(value: object) -> object:
    """An output that is only named (`model:`) has every default."""
    return {} if value is None else value


class Objective(_Part):
    """The metric to optimise and its direction."""

    primary_metric: Annotated[
        str,
        Field(
            min_length=1,
            max_length=250,
            pattern=r"[A-Za-z0-9]",
            description="The name that the script logs with mlflow.log_metric.",
        ),
    ]
    goal: Annotated[Literal["minimize", "maximize"], BeforeValidator(lower)]


class Limits(_Part):
    """When the sweep ends; durations are seconds."""

    max_total_trials: Annotated[int, Field(ge=1, le=MAX_TOTAL_TRIALS)]
    max_concurrent_trials: Annotated[int | None, Field(ge=1, le=MAX_CONCURRENT_TRIALS)] = None
    timeout: Annotated[
        Seconds | None, Field(description="Seconds after which the sweep is canceled.")
    ] = None
    trial_timeout: Annotated[
        Seconds | None, Field(description="Seconds after which a trial fails.")
    ] = None


class ExtraLimits(_Part):
    """Stop conditions that Azure ML does not have."""

    max_failed_trials: Annotated[int | None, Field(ge=1, le=MAX_TOTAL_TRIALS)] = None
    target_value: Annotated[int | float | None, Field(allow_inf_nan=False)] = None


class SweepDocument(_Part):
    """A whole sweep, as it is posted and as it is stored."""

    schema_: Annotated[str | None, Field(alias="$schema")] = None
    type: Literal["sweep"] = "sweep"
    name: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$",
            description="Chosen by us when absent; posting the same document again is harmless.",
        ),
    ] = None
    backend: Annotated[
        BackendName | None, Field(description="Who runs it; the service's default when absent.")
    ] = None
    experiment_name: Annotated[str, Field(min_length=1, max_length=250)] = "default"
    display_name: Annotated[str | None, Field(max_length=250)] = None
    description: Text | None = None
    tags: Tags = {}
    properties: Annotated[
        Tags | None, Field(description="Like tags, but Azure ML lets nobody change them later.")
    ] = None
    trial: TrialTemplate
    inputs: Annotated[
        dict[HyperparameterName, AnyInput],
        Field(max_length=100, json_schema_extra={"additionalProperties": False}),
    ] = {}
    outputs: Annotated[
        dict[
            HyperparameterName,
            Annotated[Output, BeforeValidator(_given, json_schema_input_type=Output | None)],
        ],
        Field(max_length=100, json_schema_extra={"additionalProperties": False}),
    ] = {}
    search_space: SearchSpace
    sampling_algorithm: SamplingAlgorithm
    objective: Objective
    early_termination: EarlyTermination | None = None
    limits: Limits
    compute: str | None = None
    resources: Resources | None = None
    queue_settings: QueueSettings | None = None
    identity: Identity | None = None
    extra_limits: ExtraLimits | None = None
    constraints: Annotated[list[str] | None, Field(max_length=100)] = None
    continue_from: Annotated[list[str] | None, Field(max_length=100)] = None
    canary: bool = False

    @classmethod
    def stored(cls, body: Mapping[str, object]) -> Self:
        """Read a document that was judged before it was written down."""
        return cls.model_validate(body)

    def normalized(self) -> dict[str, object]:
        """The document as plain JSON values: defaults written out, short forms made long."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def digest(self) -> str:
        """SHA-256 (hex) of the normalised document without its name.

        The order of hyperparameters counts, since the grid and every draw depend on it.
        """
        body = {key: value for key, value in self.normalized().items() if key != "name"}
        text = json.dumps(body, sort_keys=True) + json.dumps(body["search_space"])
        return hashlib.sha256(text.encode()).hexdigest()

    def completed(
        self, *, name: str, backend: BackendName, max_concurrent_trials: int, seed: int
    ) -> Self:
        """The document with what its author left open filled in, so that it can be repeated."""
        limits = self.limits
        if limits.max_concurrent_trials is None:
            limits = limits.model_copy(update={"max_concurrent_trials": max_concurrent_trials})
        sampling = self.sampling_algorithm
        if isinstance(sampling, RandomSampling) and sampling.seed is None:
            sampling = sampling.model_copy(update={"seed": seed})
        return self.model_copy(
            update={
                "name": name,
                "backend": backend,
                "limits": limits,
                "sampling_algorithm": sampling,
            }
        )
