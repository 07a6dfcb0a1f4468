"""What a look at a backend changes in the records: trials, reports, decisions, the sweep's summary."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from app.store import events, last_words
from app.store.events import NewEvent
from app.store.news import (
    decision_events,
    detail_events,
    report_events,
    sweep_events,
    trial_events,
)
from app.store.tables import DECISIONS, METRICS, TRIALS
from app.store.values import AnyRow, Values, decision_values, metric_values, trial_of, trial_values
from app.sweep.failure import grouped
from app.sweep.record import BestTrial
from app.sweep.state import (
    Goal,
    Metric,
    ObjectiveStatus,
    SweepSnapshot,
    SweepStatus,
    Trial,
    TrialStatus,
    with_reports,
)

_T = TRIALS.c
_OF_SWEEP = _T.sweep_id == bindparam("sweep")
_THESE = _T.number.in_(bindparam("numbers", expanding=True))
_KNOWN = select(TRIALS).where(_OF_SWEEP, _THESE)
_REPLACED = delete(TRIALS).where(_OF_SWEEP, _THESE)
_EARLIER_REPORTS = delete(METRICS).where(
    METRICS.c.sweep_id == bindparam("sweep"),
    METRICS.c.trial == bindparam("number"),
    METRICS.c.attempt < bindparam("attempt"),
)
_INSERT_TRIALS, _INSERT_METRICS, _INSERT_DECISIONS = map(insert, (TRIALS, METRICS, DECISIONS))
_FAILED = (
    select(_T.number, _T.fingerprint, _T.status_reason)
    .where(_OF_SWEEP, _T.status == TrialStatus.FAILED)
    .order_by(_T.number)
)
_COUNTS = select(_T.status, func.count().label("trials")).where(_OF_SWEEP).group_by(_T.status)
_COMPLETED = (
    select(_T.number, _T.objective_value, _T.parameters)
    .where(_OF_SWEEP, _T.objective_value.is_not(None), _T.status == TrialStatus.COMPLETED)
    .limit(1)
)
_LOWEST = _COMPLETED.order_by(_T.objective_value, _T.number)
_HIGHEST = _COMPLETED.order_by(_T.objective_value.desc(), _T.number)


def record_progress(session: Session, row: AnyRow, snapshot: SweepSnapshot) -> Values:
    """Write what is new of trials, reports and decisions, and nothing else.

    A finished trial changes only with a new attempt, whose reports take the place of those of
    the attempt before. A sweep's status moves only along its legal moves.

    Args:
        session: of the caller, who has locked the sweep's row.
        row: the sweep's.
        snapshot: what a look brought.

    Returns:
        The columns of the sweep's row that changed, for the caller to write.
    """
    before = _known_trials(session, row.id, snapshot)
    after = _merged(before, snapshot, row.primary_metric, row.goal)
    changed = [trial for number, trial in after.items() if trial != before.get(number)]
    write_trials(session, row.id, before, changed)
    news = trial_events(row.name, before, changed)
    news += _write_reports(session, row, after, snapshot)
    told = {event.trial for event in news if event.trial is not None}
    news += detail_events(row.name, before, changed, told)
    values = _sweep_values(row, snapshot)
    best = row.best_trial
    if changed:
        summary = summary_values(
            session, row.id, row.goal, failures=_about_failures(before, changed)
        )
        values |= summary
        best = summary["best_trial"]
        if best != row.best_trial:
            news.append(NewEvent("sweep.best", row.name, {"best_trial": best}))
    theirs = snapshot.provider_best
    if theirs is not None and (best is None or best["number"] != theirs):
        data = {"provider_best": theirs, "best_trial": best}
        news.append(NewEvent("sweep.best_disagrees", row.name, data))
    news += sweep_events(row, values)
    events.append(session, news, project=row.project)
    return {name: value for name, value in values.items() if value != getattr(row, name)}


def _known_trials(session: Session, sweep_id: int, snapshot: SweepSnapshot) -> dict[int, Trial]:
    numbers = {trial.number for trial in snapshot.trials}
    numbers |= {metric.trial for metric in snapshot.metrics}
    if not numbers:
        return {}
    wanted = {"sweep": sweep_id, "numbers": sorted(numbers)}
    return {row.number: trial_of(row) for row in session.execute(_KNOWN, wanted)}


def _merged(
    before: Mapping[int, Trial], snapshot: SweepSnapshot, primary: str, goal: Goal
) -> dict[int, Trial]:
    after = dict(before)
    for trial in snapshot.trials:
        known = before.get(trial.number)
        if known is None or trial.attempt > known.attempt:
            after[trial.number] = _without_reports(trial)
        elif trial.attempt == known.attempt and not known.status.finished:
            after[trial.number] = replace(
                trial,
                metrics=known.metrics,
                objective_value=known.objective_value,
                last_value=known.last_value,
            )
    reports: defaultdict[int, list[Metric]] = defaultdict(list)
    for metric in snapshot.metrics:
        reports[metric.trial].append(metric)
    return {
        number: with_reports(trial, reports[number], primary, goal)
        for number, trial in after.items()
    }


def _without_reports(trial: Trial) -> Trial:
    return replace(
        trial,
        metrics={},
        objective_value=None,
        last_value=None,
        objective_status=ObjectiveStatus.PENDING,
    )


def write_trials(
    session: Session, sweep_id: int, before: Mapping[int, Trial], changed: Sequence[Trial]
) -> None:
    """Write trials down; the reports of attempts that a newer one replaces go."""
    if not changed:
        return
    numbers = [trial.number for trial in changed]
    session.execute(_REPLACED, {"sweep": sweep_id, "numbers": numbers})
    rows = [{"sweep_id": sweep_id, **trial_values(trial)} for trial in changed]
    session.execute(_INSERT_TRIALS, rows)
    for trial in changed:
        known = before.get(trial.number)
        if known is not None and known.attempt < trial.attempt:
            before_that = {"number": trial.number, "attempt": trial.attempt}
            session.execute(_EARLIER_REPORTS, {"sweep": sweep_id, **before_that})


def _write_reports(
    session: Session, row: AnyRow, trials: Mapping[int, Trial], snapshot: SweepSnapshot
) -> list[NewEvent]:
    metrics = [
        metric
        for metric in snapshot.metrics
        if metric.trial in trials and metric.attempt == trials[metric.trial].attempt
    ]
    if metrics:
        values = [metric_values(row.id, metric) for metric in metrics]
        last_words.leave(session, _INSERT_METRICS, values)
    if snapshot.decisions:
        entries = [decision_values(row.id, decision) for decision in snapshot.decisions]
        last_words.leave(session, _INSERT_DECISIONS, entries)
    return report_events(row.name, metrics) + decision_events(row.name, snapshot.decisions)


def _sweep_values(row: AnyRow, snapshot: SweepSnapshot) -> Values:
    values: Values = {
        "provider_status": snapshot.provider_status,
        "provider_url": snapshot.provider_url or row.provider_url,
        "started_at": snapshot.started_at or row.started_at,
        "sync_error": None,
        "failures": 0,
        "cursor": snapshot.cursor,
    }
    status = SweepStatus(row.status)
    if row.wishes:
        # They came during the look: where the sweep stood then says nothing any more.
        return values
    if snapshot.status is not status and status.may_become(snapshot.status):
        values["status"] = snapshot.status
        values["status_reason"] = snapshot.status_reason
        values["finished_at"] = snapshot.finished_at
    elif snapshot.status is status and not status.finished:
        values["status_reason"] = snapshot.status_reason
    unsaid = [words for words in snapshot.warnings if words not in row.warnings]
    if unsaid:
        values["warnings"] = [*row.warnings, *unsaid]
    return values


def summary_values(
    session: Session, sweep_id: int, goal: Goal, *, failures: bool
) -> dict[str, Any]:
    """The sweep's summary of its trials as they stand; that of its failures only if asked for."""
    values: dict[str, Any] = {
        "trial_counts": _counts(session, sweep_id),
        "best_trial": _best(session, sweep_id, goal),
    }
    if failures:
        values["failed_alike"] = _failed_alike(session, sweep_id)
    return values


def _about_failures(before: Mapping[int, Trial], changed: Iterable[Trial]) -> bool:
    trials = [*changed, *(before[trial.number] for trial in changed if trial.number in before)]
    return any(trial.status is TrialStatus.FAILED for trial in trials)


def _failed_alike(session: Session, sweep_id: int) -> list[dict[str, object]] | None:
    rows = session.execute(_FAILED, {"sweep": sweep_id})
    groups = grouped((row.number, row.fingerprint, row.status_reason) for row in rows)
    return [asdict(group) for group in groups] or None


def _counts(session: Session, sweep_id: int) -> dict[str, int]:
    return {row.status: row.trials for row in session.execute(_COUNTS, {"sweep": sweep_id})}


def _best(session: Session, sweep_id: int, goal: Goal) -> dict[str, object] | None:
    """The completed trial with the best objective; ties go to the lower number."""
    statement = _LOWEST if goal == "minimize" else _HIGHEST
    row = session.execute(statement, {"sweep": sweep_id}).one_or_none()
    if row is None:
        return None
    best = BestTrial(
        number=row.number, objective_value=row.objective_value, parameters=row.parameters
    )
    return asdict(best)
