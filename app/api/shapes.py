"""What is answered: the shapes of the HTTP contract, made from the values of app.sweep.

Numbers that are not finite are the texts "NaN", "Infinity" and "-Infinity", since JSON has none.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from app.backends.base import Artifact, Capabilities, Health
from app.sweep.document import BackendName, expected_trials
from app.sweep.record import Event, SweepRecord
from app.sweep.state import (
    Decision,
    Metric,
    ObjectiveStatus,
    SweepStatus,
    Trial,
    TrialStatus,
)

Item = TypeVar("Item")


def _figure(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


Figure = Annotated[
    float,
    PlainSerializer(_figure),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}),
]


class Shape(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class PageOf(Shape, Generic[Item]):
    """Some items of a list; pass `next_cursor` as `cursor` to get those after them."""

    items: list[Item]
    next_cursor: str | None


class TrialCountsShape(Shape):
    """How many trials stand where; trials that have not been drawn yet are not counted."""

    total: int
    queued: int
    running: int
    completed: int
    early_terminated: int
    failed: int
    canceled: int


class BestTrialShape(Shape):
    """The best trial so far."""

    number: int
    objective_value: float
    parameters: dict[str, Any]


class FailuresShape(Shape):
    """Failed trials that failed alike."""

    fingerprint: Annotated[
        str, Field(description="Of the error's type, its message but for values, and its place.")
    ]
    count: int
    trials: Annotated[list[int], Field(description="The first of them.")]
    message: Annotated[str, Field(description="The status reason of the first.")]


class SweepShape(Shape):
    """A sweep."""

    name: str
    display_name: str | None
    experiment_name: str
    description: str | None
    tags: dict[str, str]
    backend: BackendName
    status: SweepStatus
    status_reason: str | None
    provider_status: Annotated[str | None, Field(description="The backend's word, verbatim.")]
    provider_url: str | None
    document: Annotated[dict[str, Any], Field(description="Normalised.")]
    document_hash: str
    expected_trials: Annotated[
        int, Field(description="How many there will be if nothing ends the sweep earlier.")
    ]
    trial_counts: TrialCountsShape
    best_trial: BestTrialShape | None
    failures: Annotated[
        list[FailuresShape], Field(description="Failed trials by what they failed of.")
    ]
    warnings: list[str]
    created_by: Annotated[
        str | None, Field(description="Name of the caller who submitted it; null: unknown.")
    ]
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    last_synced_at: datetime | None
    sync_error: str | None
    artifacts_removed_at: Annotated[
        datetime | None,
        Field(description="When retention removed what trials had left behind until then."),
    ]
    logs_removed_at: Annotated[datetime | None, Field(description="Likewise, their logs.")]
    metrics_thinned_at: Annotated[
        datetime | None, Field(description="Likewise, reports; some of each curve stay.")
    ]
    events_removed_at: Annotated[
        datetime | None, Field(description="Likewise, events; the newest stays.")
    ]

    @classmethod
    def of(cls, record: SweepRecord) -> Self:
        """From a record."""
        return cls(**plain_sweep(record))


def plain_sweep(record: SweepRecord) -> dict[str, Any]:
    """A record as `SweepShape` shows it, in plain values that need no validation."""
    document: dict[str, Any] = dict(record.document)
    best = record.best_trial
    return {
        "name": record.name,
        "display_name": document.get("display_name"),
        "experiment_name": document["experiment_name"],
        "description": document.get("description"),
        "tags": document.get("tags", {}),
        "backend": record.backend,
        "status": record.status,
        "status_reason": record.status_reason,
        "provider_status": record.provider_status,
        "provider_url": record.provider_url,
        "document": document,
        "document_hash": record.document_hash,
        "expected_trials": expected_trials(document),
        "trial_counts": _plain_counts(record.trial_counts),
        "best_trial": best and _plain(best, BestTrialShape),
        "failures": [_plain(group, FailuresShape) for group in record.failures],
        "warnings": list(record.warnings),
        "created_by": record.created_by,
        "created_at": record.created_at,
        "submitted_at": record.submitted_at,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "last_synced_at": record.last_synced_at,
        "sync_error": record.sync_error,
        "artifacts_removed_at": record.artifacts_removed_at,
        "logs_removed_at": record.logs_removed_at,
        "metrics_thinned_at": record.metrics_thinned_at,
        "events_removed_at": record.events_removed_at,
    }


def _plain(value: object, shape: type[Shape]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in shape.model_fields}


def _plain_counts(counts: Mapping[TrialStatus, int]) -> dict[str, int]:
    found = {status.value: counts.get(status, 0) for status in TrialStatus}
    return {"total": sum(found.values()), **found}


class TrialShape(Shape):
    """A trial."""

    number: int
    status: TrialStatus
    status_reason: str | None
    objective_status: ObjectiveStatus
    objective_value: Annotated[float | None, Field(description="The best reported value.")]
    last_value: Figure | None
    parameters: dict[str, Any]
    metrics: Annotated[dict[str, Figure], Field(description="The latest value of each metric.")]
    attempt: int
    inferred: bool
    provider_run_id: str | None
    provider_status: str | None
    exit_code: int | None
    fingerprint: Annotated[
        str | None, Field(description="Of a failed trial: the same where others failed alike.")
    ]
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None

    @classmethod
    def of(cls, trial: Trial) -> Self:
        """From a trial."""
        values = {name: getattr(trial, name) for name in cls.model_fields}
        return cls(**values)


class MetricShape(Shape):
    """One report."""

    name: str
    step: int
    interval: Annotated[int, Field(description="The report's place among those of this name.")]
    value: Figure
    recorded_at: datetime

    @classmethod
    def of(cls, metric: Metric) -> Self:
        """From a report."""
        return cls(**{name: getattr(metric, name) for name in cls.model_fields})


class DecisionShape(Shape):
    """One evaluation of the early-termination policy."""

    trial: int
    attempt: int
    interval: int
    policy: str
    value: Figure
    threshold: Figure | None
    compared: Annotated[
        dict[str, Figure],
        Field(description="Trial number to figure; of very many, the nearest to the threshold."),
    ]
    verdict: Literal["continue", "stop"]
    reason: str
    too_late: bool
    recorded_at: datetime

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """From an entry of the ledger."""
        values = {name: getattr(decision, name) for name in cls.model_fields}
        values["compared"] = {str(n): figure for n, figure in decision.compared.items()}
        return cls(**values)


class EventShape(Shape):
    """Something that happened; ids rise in the order of commits."""

    id: int
    type: str
    sweep: str | None
    data: dict[str, Any]
    at: datetime

    @classmethod
    def of(cls, event: Event) -> Self:
        """From an event."""
        return cls(**asdict(event))


class ArtifactShape(Shape):
    """A file that a trial left behind."""

    path: str
    size: Annotated[int, Field(description="Bytes.")]
    modified_at: datetime

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        """From an artifact."""
        return cls(**asdict(artifact))


class BackendShape(Shape):
    """A configured backend: what it can do, and whether it answers."""

    name: BackendName
    default: bool
    sampling_algorithms: Sequence[str]
    early_termination: Sequence[str]
    input_types: Sequence[str]
    slots: int | None
    notes: Sequence[str]
    healthy: bool
    health: str

    @classmethod
    def of(cls, able: Capabilities, health: Health, *, default: bool) -> Self:
        """From what the backend says of itself."""
        return cls(**asdict(able), healthy=health.ok, health=health.detail, default=default)
