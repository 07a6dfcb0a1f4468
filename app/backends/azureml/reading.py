"""From a job and its runs, as Azure shows them, to what is new in a sweep; pure.

Azure knows no early termination: where a policy is set, a trial that was canceled while its sweep
ran, and not by us, is taken for one and marked as inferred.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from app.sweep.state import (
    Metric,
    Parameters,
    SweepSnapshot,
    SweepStatus,
    Trial,
    TrialStatus,
)

MAX_SETTLING = 10
"""Looks at a finished job at most until the last of its runs must have its outcome."""

_JOB = {
    "NotStarted": SweepStatus.QUEUED,
    "Starting": SweepStatus.QUEUED,
    "Provisioning": SweepStatus.QUEUED,
    "Preparing": SweepStatus.QUEUED,
    "Queued": SweepStatus.QUEUED,
    "CancelRequested": SweepStatus.CANCELING,
    "Completed": SweepStatus.COMPLETED,
    "Failed": SweepStatus.FAILED,
    "Canceled": SweepStatus.CANCELED,
}
_RUN = {
    "SCHEDULED": TrialStatus.QUEUED,
    "RUNNING": TrialStatus.RUNNING,
    "FINISHED": TrialStatus.COMPLETED,
    "FAILED": TrialStatus.FAILED,
    "KILLED": TrialStatus.CANCELED,
}


_FIGURES = ConfigDict(ser_json_inf_nan="constants")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A sweep job: Azure's word for its state, its page, and the trial it calls best."""

    status: str
    url: str | None = None
    best_trial: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One logged value; `at` in milliseconds since 1970."""

    __pydantic_config__: ClassVar[ConfigDict] = _FIGURES

    value: float
    step: int
    at: int

    def same(self, other: "Value | None") -> bool:
        """Equal; NaN is equal to NaN here, or it would be news for ever."""
        if other is None or (self.step, self.at) != (other.step, other.at):
            return False
        return self.value == other.value or math.isnan(self.value + other.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A trial's run: `latest` has the last value of each metric."""

    number: int
    run_id: str
    status: str
    started_at: datetime | None
    finished_at: datetime | None
    parameters: Parameters
    latest: Mapping[str, Value]
    canceled_by_us: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTrial:
    """What earlier looks brought of a trial: its state, and how far each metric was read."""

    status: str
    counts: Mapping[str, int] = field(default_factory=dict)
    latest: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What earlier looks brought; the cursor between looks.

    Attributes:
        settling: looks since the job ended.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _FIGURES

    trials: Mapping[int, KnownTrial] = field(default_factory=dict)
    started_at: datetime | None = None
    settling: int = 0


_KNOWN = TypeAdapter(Known)


def known_of(cursor: str | None) -> Known:
    """The cursor, read."""
    return _KNOWN.validate_json(cursor) if cursor else Known()


def changed_metrics(known: Known, run: RunView) -> list[str]:
    """The metrics of a run whose history holds something new."""
    before = known.trials.get(run.number)
    seen = before.latest if before else {}
    return [name for name, value in run.latest.items() if not value.same(seen.get(name))]


def snapshot_of(
    known: Known,
    job: JobView,
    runs: Sequence[RunView],
    histories: Mapping[tuple[int, str], Sequence[Value]],
    *,
    has_policy: bool,
    more: bool = False,
) -> SweepSnapshot:
    """What is new.

    Args:
        known: what earlier looks brought.
        job: the sweep job.
        runs: every run of a trial.
        histories: (trial, metric) -> all its values, for those that `changed_metrics` named.
        has_policy: the document asks for early termination.
        more: not every history that changed is among `histories`.
    """
    status = _JOB.get(job.status, SweepStatus.RUNNING)
    trials, reports = [], []
    after: dict[int, KnownTrial] = {}
    for run in runs:
        before = known.trials.get(run.number)
        trial = _trial(run, status, has_policy=has_policy)
        if before is None or before.status != run.status:
            trials.append(trial)
        new, after[run.number] = _reports(run, before, histories)
        reports += new
    quiet = not trials and not reports and not more
    started = known.started_at or min((r.started_at for r in runs if r.started_at), default=None)
    finished = max((r.finished_at for r in runs if r.finished_at), default=None)
    settling = known.settling + 1 if status.finished else 0
    open_trials = any(_RUN.get(run.status, TrialStatus.RUNNING) in _OPEN for run in runs)
    # Runs and their values may lag behind the job: the end is told when nothing changes any more.
    settled = settling >= MAX_SETTLING or (settling > 1 and quiet and not open_trials)
    shown = SweepStatus.RUNNING if status.finished and not settled else status
    cursor = replace(known, trials=after, started_at=started, settling=settling)
    return SweepSnapshot(
        status=shown,
        status_reason=_reason(job, shown),
        provider_status=job.status,
        provider_url=job.url,
        started_at=started,
        finished_at=finished if shown.finished else None,
        trials=trials,
        metrics=sorted(reports, key=lambda report: report.recorded_at),
        provider_best=job.best_trial if shown.finished else None,
        cursor=_KNOWN.dump_json(cursor, exclude_none=True).decode(),
        more=more,
    )


_OPEN = (TrialStatus.QUEUED, TrialStatus.RUNNING)


def _trial(run: RunView, sweep: SweepStatus, *, has_policy: bool) -> Trial:
    status = _RUN.get(run.status, TrialStatus.RUNNING)
    reason = None
    inferred = False
    if status is TrialStatus.CANCELED:
        ending = (SweepStatus.CANCELING, SweepStatus.CANCELED, SweepStatus.FAILED)
        inferred = has_policy and not run.canceled_by_us and sweep not in ending
        reason = "canceled on request" if run.canceled_by_us else "canceled by Azure ML"
    if inferred:
        status = TrialStatus.EARLY_TERMINATED
        reason = "canceled by Azure ML while the sweep ran: taken for the early-termination policy"
    if status is TrialStatus.FAILED:
        reason = "failed on Azure ML; its log says why"
    seconds = None
    if run.started_at and run.finished_at:
        seconds = max(0.0, (run.finished_at - run.started_at).total_seconds())
    return Trial(
        number=run.number,
        status=status,
        status_reason=reason,
        parameters=run.parameters,
        inferred=inferred,
        provider_run_id=run.run_id,
        provider_status=run.status,
        started_at=run.started_at,
        finished_at=run.finished_at if status.finished else None,
        duration_seconds=seconds if status.finished else None,
    )


def _reports(
    run: RunView,
    before: KnownTrial | None,
    histories: Mapping[tuple[int, str], Sequence[Value]],
) -> tuple[list[Metric], KnownTrial]:
    """The run's new reports, numbered by time and step, and what is known of it then."""
    counts = dict(before.counts) if before else {}
    latest = dict(before.latest) if before else {}
    reports: list[Metric] = []
    for name, value in run.latest.items():
        history = histories.get((run.number, name))
        if history is None:
            continue
        ordered = sorted(history, key=lambda each: (each.at, each.step))
        reports += _numbered(run.number, name, ordered, counts.get(name, 0))
        counts[name] = max(len(ordered), counts.get(name, 0))
        latest[name] = value
    return reports, KnownTrial(status=run.status, counts=counts, latest=latest)


def _numbered(trial: int, name: str, ordered: Sequence[Value], done: int) -> Iterator[Metric]:
    for index, value in enumerate(ordered[done:], start=done + 1):
        yield Metric(
            trial=trial,
            attempt=1,
            name=name,
            interval=index,
            step=value.step,
            value=value.value,
            recorded_at=datetime.fromtimestamp(value.at / 1000).astimezone(),
        )


def _reason(job: JobView, status: SweepStatus) -> str | None:
    if job.message and status.finished:
        return job.message
    if status is SweepStatus.FAILED:
        return "failed on Azure ML; its page says why"
    if status is SweepStatus.CANCELED:
        return "canceled on Azure ML"
    return None
