"""What is answered about registered models."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from app.api.shapes import Figure, Shape
from app.store.models import ModelSummary
from app.sweep.document import BackendName
from app.sweep.record import ModelVersion
from app.sweep.state import Goal


class ObjectiveShape(Shape):
    """What a model version was chosen by."""

    primary_metric: str
    goal: Goal
    value: float


class ModelVersionShape(Shape):
    """A registered model version."""

    model_name: str
    version: int
    sweep: str
    trial: int
    backend: BackendName
    artifact_path: str
    uri: str
    objective: ObjectiveShape
    parameters: dict[str, Any]
    metrics: dict[str, Figure]
    type: str
    tags: dict[str, str]
    description: str | None
    sha256: str | None
    created_at: datetime
    gate: dict[str, Any] | None

    @classmethod
    def of(cls, version: ModelVersion) -> Self:
        """From a version."""
        names = set(cls.model_fields) - {"objective"}
        objective = ObjectiveShape(
            primary_metric=version.primary_metric, goal=version.goal, value=version.value
        )
        values = {name: getattr(version, name) for name in names}
        return cls(**values, objective=objective)


class ModelShape(Shape):
    """A registered model."""

    name: str
    versions: Annotated[int, Field(description="How many versions it has.")]
    latest: ModelVersionShape

    @classmethod
    def of(cls, summary: ModelSummary) -> Self:
        """From a summary."""
        latest = ModelVersionShape.of(summary.latest)
        return cls(name=summary.name, versions=summary.versions, latest=latest)
