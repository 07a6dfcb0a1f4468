"""What a running sweep is made of: states with their legal moves, trials, reports, decisions."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from app.sweep.search_space import Scalar

Goal = Literal["minimize", "maximize"]
Parameters = Mapping[str, Scalar]


class SweepStatus(StrEnum):
    """Where a sweep stands."""

    SUBMITTING = "submitting"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELING = "canceling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def finished(self) -> bool:
        """True when nothing more happens unless somebody resumes the sweep."""
        return self in _FINISHED_SWEEP

    def may_become(self, new: "SweepStatus", *, on_request: bool = False) -> bool:
        """True when the move from this state to `new` is legal (staying is).

        Args:
            new: the state to come.
            on_request: somebody asked for it; only so does a finished sweep run again.
        """
        if self == new:
            return True
        if self.finished:
            return on_request and new is SweepStatus.RUNNING
        return _ORDER[new] > _ORDER[self]


class TrialStatus(StrEnum):
    """Where a trial stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    EARLY_TERMINATED = "early_terminated"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def finished(self) -> bool:
        """True when the trial has its outcome."""
        return self not in (TrialStatus.QUEUED, TrialStatus.RUNNING)


class ObjectiveStatus(StrEnum):
    """Whether a trial has said how good it is."""

    PENDING = "pending"
    REPORTED = "reported"
    MISSING = "missing"
    NOT_FINITE = "not_finite"


_ORDER = {
    SweepStatus.SUBMITTING: 0,
    SweepStatus.QUEUED: 1,
    SweepStatus.RUNNING: 2,
    SweepStatus.CANCELING: 3,
    SweepStatus.COMPLETED: 4,
    SweepStatus.FAILED: 4,
    SweepStatus.CANCELED: 4,
}
_FINISHED_SWEEP = frozenset({SweepStatus.COMPLETED, SweepStatus.FAILED, SweepStatus.CANCELED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One logged value: the `interval`-th report (from 1) of metric `name` by a trial's attempt."""

    trial: int
    attempt: int
    name: str
    interval: int
    step: int
    value: float
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One evaluation of the early-termination policy, with the numbers it rests on.

    Attributes:
        compared: trial number -> the figure of that trial that entered the comparison.
        value: the judged trial's own figure.
        threshold: the figure `value` was held against; None when there was nothing to compare.
        verdict: what the policy said.
        too_late: the trial had already ended by itself, so its exit code decided its outcome.
    """

    trial: int
    attempt: int
    interval: int
    policy: str
    value: float
    threshold: float | None = None
    compared: Mapping[int, float]
    verdict: Literal["continue", "stop"]
    reason: str
    too_late: bool = False
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial as it is known; times are aware UTC, durations seconds.

    `fingerprint` is what a failed trial has in common with others that failed alike.
    """

    number: int
    status: TrialStatus = TrialStatus.QUEUED
    status_reason: str | None = None
    objective_status: ObjectiveStatus = ObjectiveStatus.PENDING
    objective_value: float | None = None
    last_value: float | None = None
    parameters: Parameters = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    attempt: int = 1
    inferred: bool = False
    provider_run_id: str | None = None
    provider_status: str | None = None
    exit_code: int | None = None
    fingerprint: str | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSnapshot:
    """What one look at a backend brought: what changed since the cursor of the look before.

    Attributes:
        trials: every trial that changed, whole but for what its reports say
            (objective, last value, metrics), which `with_reports` adds.
        metrics: the new reports, oldest first.
        decisions: the new entries of the early-termination ledger, oldest first.
        provider_best: the trial that the backend calls best, once the sweep has ended.
        cursor: hand it to the next look; opaque to everybody but the backend.
        more: the look was cut short; another one now brings more.
    """

    status: SweepStatus
    status_reason: str | None = None
    provider_status: str | None = None
    provider_url: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    trials: Sequence[Trial] = ()
    metrics: Sequence[Metric] = ()
    decisions: Sequence[Decision] = ()
    warnings: Sequence[str] = ()
    provider_best: int | None = None
    cursor: str | None = None
    more: bool = False


def better(a: float, b: float, goal: Goal) -> bool:
    """True when `a` is strictly better than `b`; a non-finite value is worse than any finite one."""
    return loss(a, goal) < loss(b, goal)


def loss(value: float, goal: Goal) -> float:
    """The value on a scale where smaller is better; +inf for whatever is not finite."""
    if not math.isfinite(value):
        return math.inf
    return value if goal == "minimize" else -value


def with_reports(trial: Trial, reports: Iterable[Metric], primary: str, goal: Goal) -> Trial:
    """The trial with these new reports counted in; reports of other attempts are passed over."""
    metrics = dict(trial.metrics)
    best, last = trial.objective_value, trial.last_value
    for report in reports:
        if report.attempt != trial.attempt:
            continue
        metrics[report.name] = report.value
        if report.name == primary:
            last = report.value
            if math.isfinite(last) and (best is None or better(last, best, goal)):
                best = last
    return replace(
        trial,
        metrics=metrics,
        objective_value=best,
        last_value=last,
        objective_status=_objective_status(trial.status, best, last),
    )


def _objective_status(
    status: TrialStatus, best: float | None, last: float | None
) -> ObjectiveStatus:
    if best is not None:
        return ObjectiveStatus.REPORTED
    if last is not None:
        return ObjectiveStatus.NOT_FINITE
    return ObjectiveStatus.MISSING if status.finished else ObjectiveStatus.PENDING


def best_trial(trials: Iterable[Trial], goal: Goal) -> Trial | None:
    """The completed trial with the best finite objective; ties go to the lower number."""
    candidates = [
        trial
        for trial in trials
        if trial.status is TrialStatus.COMPLETED and trial.objective_value is not None
    ]
    return min(
        candidates,
        key=lambda trial: (loss(trial.objective_value or 0.0, goal), trial.number),
        default=None,
    )
