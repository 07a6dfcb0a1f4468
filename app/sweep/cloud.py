"""What a document asks of Azure's machines: resources, queue, identity, distribution.

Keys and forms are those of https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep
and of the sweep job's schema in Microsoft's SDK. Nothing here acts on the local engine.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Guid = Annotated[str | None, Field(pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
Count = Annotated[int | None, Field(ge=1, le=10_000)]


def lower(value: object) -> object:
    """Text in lower case, as the SDK reads its enumerations; anything else as it is."""
    return value.lower() if isinstance(value, str) else value


class _Setting(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Resources(_Setting):
    """Machines of one trial."""

    instance_count: Count = None
    instance_type: str | None = None
    max_instance_count: Count = None
    locations: list[str] | None = None
    shm_size: Annotated[
        str | None,
        Field(pattern=r"^\d*[1-9]\d*[bBkKmMgG]$", description="Shared memory, such as 2g."),
    ] = None
    docker_args: str | list[str] | None = None
    properties: dict[str, object] | None = None


class QueueSettings(_Setting):
    """How a job waits on a shared compute."""

    job_tier: Annotated[
        Literal["spot", "basic", "standard", "premium", "null"] | None, BeforeValidator(lower)
    ] = None
    priority: Annotated[Literal["low", "medium", "high"] | None, BeforeValidator(lower)] = None


_IDENTITIES = {
    "managed_identity": "managed",
    "managedidentity": "managed",
    "useridentity": "user_identity",
    "amltoken": "aml_token",
}


def _identity(value: object) -> object:
    """The SDK takes camel case and two words for managed."""
    return _IDENTITIES.get(value.lower(), value.lower()) if isinstance(value, str) else value


class Identity(_Setting):
    """As whom a trial reaches data; the two ids belong to a managed identity."""

    type: Annotated[
        Literal["managed", "user_identity", "aml_token"],
        BeforeValidator(_identity),
    ]
    client_id: Guid = None
    object_id: Guid = None


class MpiDistribution(_Setting):
    """Processes started by MPI."""

    type: Literal["mpi"]
    process_count_per_instance: Count = None


class PyTorchDistribution(_Setting):
    """Processes that find each other through PyTorch."""

    type: Literal["pytorch"]
    process_count_per_instance: Count = None


class TensorFlowDistribution(_Setting):
    """Workers and parameter servers."""

    type: Literal["tensorflow"]
    parameter_server_count: Annotated[int, Field(ge=0, le=10_000)] = 0
    worker_count: Count = None


class RayDistribution(_Setting):
    """A Ray cluster over the nodes of a trial."""

    type: Literal["ray"]
    port: Annotated[int | None, Field(ge=1, le=65_535)] = None
    address: str | None = None
    include_dashboard: bool | None = None
    dashboard_port: Annotated[int | None, Field(ge=1, le=65_535)] = None
    head_node_additional_args: str | None = None
    worker_node_additional_args: str | None = None


def _with_lower_type(value: object) -> object:
    if isinstance(value, dict) and "type" in value:
        return {**value, "type": lower(value["type"])}
    return value


Distribution = Annotated[
    MpiDistribution | PyTorchDistribution | TensorFlowDistribution | RayDistribution,
    Field(discriminator="type"),
    BeforeValidator(
        _with_lower_type,
        json_schema_input_type=MpiDistribution
        | PyTorchDistribution
        | TensorFlowDistribution
        | RayDistribution,
    ),
]
