"""What a document asks of Azure's machines: resources, queue, identity, distribution.

Keys and forms are those of https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep
and of the sweep job's schema in Microsoft's SDK. Nothing here acts on the local engine.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from app.sweep.part import Part

Guid = Annotated[str | None, Field(pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
Count = Annotated[int | None, Field(ge=1, le=10_000)]


def lower(value: object) -> object:
    """Text in lower case, as the SDK reads its enumerations; anything else as it is."""
    return value.lower() if isinstance(value, str) else value


class Resources(Part):
    """Machines of one trial."""

    instance_count: Count = None
    """Machines of one trial."""
    instance_type: str | None = None
    """Size of a machine of serverless compute."""
    max_instance_count: Count = None
    """Machines of one trial at most, where Azure ML may choose."""
    locations: list[str] | None = None
    """Regions in which they may stand."""
    shm_size: Annotated[str | None, Field(pattern=r"^\d*[1-9]\d*[bBkKmMgG]$")] = None
    """Shared memory, such as 2g."""
    docker_args: str | list[str] | None = None
    """More words for the container's start."""
    properties: dict[str, object] | None = None
    """Settings of a particular compute."""


class QueueSettings(Part):
    """How a job waits on a shared compute."""

    job_tier: Annotated[
        Literal["spot", "basic", "standard", "premium", "null"] | None, BeforeValidator(lower)
    ] = None
    """What the machines cost, and whether they may be taken away."""
    priority: Annotated[Literal["low", "medium", "high"] | None, BeforeValidator(lower)] = None
    """Who comes first in the queue."""


_IDENTITIES = {
    "managed_identity": "managed",
    "managedidentity": "managed",
    "useridentity": "user_identity",
    "amltoken": "aml_token",
}


def _identity(value: object) -> object:
    """The SDK takes camel case and two words for managed."""
    return _IDENTITIES.get(value.lower(), value.lower()) if isinstance(value, str) else value


class Identity(Part):
    """As whom a trial reaches data; the two ids belong to a managed identity."""

    type: Annotated[
        Literal["managed", "user_identity", "aml_token"],
        BeforeValidator(_identity),
    ]
    """The compute's managed identity, the submitter's, or a token of Azure ML."""
    client_id: Guid = None
    """Of a managed identity."""
    object_id: Guid = None
    """Of a managed identity."""


class MpiDistribution(Part):
    """Processes started by MPI."""

    type: Literal["mpi"]
    process_count_per_instance: Count = None
    """Processes on each machine."""


class PyTorchDistribution(Part):
    """Processes that find each other through PyTorch."""

    type: Literal["pytorch"]
    process_count_per_instance: Count = None
    """Processes on each machine."""


class TensorFlowDistribution(Part):
    """Workers and parameter servers."""

    type: Literal["tensorflow"]
    parameter_server_count: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Processes that hold parameters."""
    worker_count: Count = None
    """Processes that train; by default one on each machine."""


class RayDistribution(Part):
    """A Ray cluster over the nodes of a trial."""

    type: Literal["ray"]
    port: Annotated[int | None, Field(ge=1, le=65_535)] = None
    """Of the head node."""
    address: str | None = None
    """Of the head node."""
    include_dashboard: bool | None = None
    """Whether the dashboard is served."""
    dashboard_port: Annotated[int | None, Field(ge=1, le=65_535)] = None
    """Of the dashboard."""
    head_node_additional_args: str | None = None
    """More words for the start of the head node."""
    worker_node_additional_args: str | None = None
    """More words for the start of a worker node."""


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
