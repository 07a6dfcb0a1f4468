"""From a job and its runs, as Azure shows them, to what is new in a sweep; pure.

Azure knows no early termination: where a policy is set, a trial that was canceled while its sweep
ran, and not by us, is taken for one and marked as inferred.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from app.backends.azureml.reports import FIGURES, News, Told, Value, news_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A sweep job: Azure's word for its state, its page, and the trial it calls best."""

    status: str
    url: str | None = None
    best_trial: int | None = None
    message: str | None = None


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
    """What earlier looks brought of a trial: its state, and how far each metric was told."""

    status: str
    metrics: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What earlier looks brought; the cursor between looks.

    Attributes:
        settling: looks since the job ended.
    """

    __pydantic_config__: ClassVar[ConfigDict] = FIGURES

    trials: Mapping[int, KnownTrial] = field(default_factory=dict)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    settling: int = 0


_KNOWN = TypeAdapter(Known)


def known_of(cursor: str | None) -> Known:
    """The cursor, read."""
    return _KNOWN.validate_json(cursor) if cursor else Known()


def changed_metrics(known: Known, run: RunView) -> list[str]:
    """The metrics of a run whose history may hold something new; all of them once it has ended."""
    before = known.trials.get(run.number, KnownTrial(status=""))
    ended = _ended(run.status) and not _ended(before.status)
    return [
        name
        for name, value in run.latest.items()
        if ended or not value.same(before.metrics.get(name, Told()).latest)
    ]


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
        runs: the trials' runs; one that an answer lacks stays as it was known.
        histories: (trial, metric) -> its values, for those that `changed_metrics` named.
        has_policy: the document asks for early termination.
        more: not every history that changed is among `histories`.
    """
    status = _JOB.get(job.status, SweepStatus.RUNNING)
    trials, reports, late = [], [], []
    after = dict(known.trials)
    for run in runs:
        before = known.trials.get(run.number)
        if before is None or (before.status != run.status and not _ended(before.status)):
            trials.append(_trial(run, status, has_policy=has_policy))
        news = _news(run, before, histories)
        after[run.number] = _known(run, before, news)
        for name, each in news.items():
            reports += _numbered(run.number, name, each)
            late += [_too_late(run.number, name)] if each.too_late else []
    waiting = any(told.behind for trial in after.values() for told in trial.metrics.values())
    absent = known.trials.keys() - {run.number for run in runs}
    quiet = not (trials or reports or more or waiting or absent)
    began = [known.started_at, *(run.started_at for run in runs)]
    ended = [known.finished_at, *(run.finished_at for run in runs)]
    started = min((time for time in began if time), default=None)
    finished = max((time for time in ended if time), default=None)
    settling = known.settling + 1 if status.finished else 0
    open_trials = any(not _ended(trial.status) for trial in after.values())
    # Runs and their values may lag behind the job: the end is told when nothing changes any more.
    settled = settling >= MAX_SETTLING or (settling > 1 and quiet and not open_trials)
    shown = SweepStatus.RUNNING if status.finished and not settled else status
    cursor = Known(trials=after, started_at=started, finished_at=finished, settling=settling)
    return SweepSnapshot(
        status=shown,
        status_reason=_reason(job, shown),
        provider_status=job.status,
        provider_url=job.url,
        started_at=started,
        finished_at=finished if shown.finished else None,
        trials=trials,
        metrics=sorted(reports, key=lambda report: report.recorded_at),
        warnings=late,
        provider_best=job.best_trial if shown.finished else None,
        cursor=_KNOWN.dump_json(cursor, exclude_none=True, exclude_defaults=True).decode(),
        more=more,
    )


def _ended(word: str) -> bool:
    return _RUN.get(word, TrialStatus.RUNNING).finished


def _too_late(trial: int, metric: str) -> str:
    return f"trial {trial}: values of {metric} reached Azure ML too late to be shown"


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


def _news(
    run: RunView,
    before: KnownTrial | None,
    histories: Mapping[tuple[int, str], Sequence[Value]],
) -> dict[str, News]:
    """What the histories that were read add to the run's metrics."""
    told = before.metrics if before else {}
    return {
        name: news_of(told.get(name, Told()), histories[run.number, name], value)
        for name, value in run.latest.items()
        if (run.number, name) in histories
    }


def _known(run: RunView, before: KnownTrial | None, news: Mapping[str, News]) -> KnownTrial:
    told = {name: each.told for name, each in news.items()}
    if before is None:
        return KnownTrial(status=run.status, metrics=told)
    status = before.status if _ended(before.status) else run.status
    return KnownTrial(status=status, metrics={**before.metrics, **told})


def _numbered(trial: int, name: str, news: News) -> list[Metric]:
    first = news.told.count - len(news.values) + 1
    return [
        Metric(
            trial=trial,
            attempt=1,
            name=name,
            interval=interval,
            step=value.step,
            value=value.value,
            recorded_at=datetime.fromtimestamp(value.at / 1000).astimezone(),
        )
        for interval, value in enumerate(news.values, start=first)
    ]


def _reason(job: JobView, status: SweepStatus) -> str | None:
    if job.message and status.finished:
        return job.message
    if status is SweepStatus.FAILED:
        return "failed on Azure ML; its page says why"
    if status is SweepStatus.CANCELED:
        return "canceled on Azure ML"
    return None
