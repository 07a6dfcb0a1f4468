"""What a service answers, with the field names of the HTTP API.

Plain frozen dataclasses; durations are seconds, times are aware. Fields that this version does not
know are passed over, and words such as a status are plain text, so that a newer service can be read.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

FINISHED = frozenset({"completed", "failed", "canceled"})
"""The statuses of a sweep that has ended."""
_COUNTED = ("queued", "running", "completed", "early_terminated", "failed", "canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCounts:
    """How many trials stand where; trials that have not been drawn yet are not counted."""

    total: int
    queued: int
    running: int
    completed: int
    early_terminated: int
    failed: int
    canceled: int

    @property
    def ended(self) -> int:
        """How many have ended, one way or another."""
        return self.completed + self.early_terminated + self.failed + self.canceled


@dataclass(frozen=True, slots=True, kw_only=True)
class BestTrial:
    """The best trial so far."""

    number: int
    objective_value: float
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failed trials that failed alike: how many, the first of them, what the first one said."""

    fingerprint: str
    count: int
    trials: tuple[int, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep as it was when it was read.

    Attributes:
        status: submitting, queued, running, canceling, completed, failed or canceled.
        provider_status: the backend's word, verbatim.
        document: the normalised document.
        expected_trials: how many there will be if nothing ends the sweep earlier.
        last_synced_at: when the backend was last heard; `sync_error` says why it is not now.
        artifacts_removed_at: when the service's retention removed what trials had left behind until
            then; likewise logs, reports but for some of each curve, and events.
    """

    name: str
    display_name: str | None
    experiment_name: str
    description: str | None
    tags: dict[str, str]
    backend: str
    status: str
    status_reason: str | None
    provider_status: str | None
    provider_url: str | None
    document: dict[str, Any]
    document_hash: str
    expected_trials: int
    trial_counts: TrialCounts
    best_trial: BestTrial | None
    failures: tuple[Failures, ...] = ()
    warnings: tuple[str, ...]
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    last_synced_at: datetime | None
    sync_error: str | None
    artifacts_removed_at: datetime | None = None
    logs_removed_at: datetime | None = None
    metrics_thinned_at: datetime | None = None
    events_removed_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether it has ended; `resume` and `retry` let it go on."""
        return self.status in FINISHED

    @property
    def primary_metric(self) -> str:
        """The metric that is optimised."""
        return str(self.document["objective"]["primary_metric"])

    @property
    def progress(self) -> str:
        """How many of the expected trials have ended, in words."""
        return f"{self.trial_counts.ended}/{self.expected_trials} trials ended"

    @property
    def standing(self) -> str:
        """How many trials stand where, and the best value so far; at first the status alone."""
        counts = ((word, getattr(self.trial_counts, word)) for word in _COUNTED)
        parts = [f"{count} {word.replace('_', ' ')}" for word, count in counts if count]
        if self.best_trial is not None:
            best = self.best_trial
            parts.append(f"best {best.objective_value:.6g} (trial {best.number})")
        return ", ".join(parts) or self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial as it was when it was read.

    Attributes:
        status: queued, running, completed, early_terminated, failed or canceled.
        objective_status: pending, reported, missing or not_finite.
        objective_value: the best value that it reported of the primary metric.
        metrics: the latest value of each metric.
        inferred: the status is concluded, since the backend does not tell.
        fingerprint: of a failed trial: the same where others failed alike.
    """

    number: int
    status: str
    status_reason: str | None
    objective_status: str
    objective_value: float | None
    last_value: float | None
    parameters: dict[str, Any]
    metrics: dict[str, float]
    attempt: int
    inferred: bool
    provider_run_id: str | None
    provider_status: str | None
    exit_code: int | None
    fingerprint: str | None = None
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One report of a trial; `interval` is its place among those of the same name."""

    name: str
    step: int
    interval: int
    value: float
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One evaluation of the early-termination policy, with its numbers and its reason.

    Attributes:
        compared: trial number to figure; of very many, those nearest to the threshold.
        verdict: continue or stop.
        too_late: the trial had ended before it could be stopped.
    """

    trial: int
    attempt: int
    interval: int
    policy: str
    value: float
    threshold: float | None
    compared: dict[int, float]
    verdict: str
    reason: str
    too_late: bool
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that a trial left behind; `size` is in bytes."""

    path: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; ids rise in the order in which things were committed."""

    id: int
    type: str
    sweep: str | None
    data: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What a model version was chosen by."""

    primary_metric: str
    goal: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A registered model version with its lineage; `gate` is what its gate compared, if any."""

    model_name: str
    version: int
    sweep: str
    trial: int
    backend: str
    artifact_path: str
    uri: str
    objective: Objective
    parameters: dict[str, Any]
    metrics: dict[str, float]
    type: str = "custom_model"
    tags: dict[str, str]
    description: str | None
    sha256: str | None
    created_at: datetime
    gate: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A registered model: how many versions it has, and the newest."""

    name: str
    versions: int
    latest: ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Who can run sweeps, what it can do, and whether it answers."""

    name: str
    default: bool
    sampling_algorithms: tuple[str, ...]
    early_termination: tuple[str, ...]
    input_types: tuple[str, ...]
    slots: int | None
    notes: tuple[str, ...]
    healthy: bool
    health: str
