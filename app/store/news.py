"""What a look changed, as events.

Whatever a view shows changes together with an event of its sweep: the id of the newest event tells
whether a view is still true, and the events after an id tell which trials to show anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from app.store.events import NewEvent
from app.store.values import AnyRow, Values, figure
from app.sweep.event_types import EventType
from app.sweep.state import Decision, Metric, SweepStatus, Trial

REPORTS_PER_EVENT = 100
"""Reports or decisions that one event holds at most."""
_DETAILS = ("provider_status", "provider_url", "started_at", "warnings", "status_reason")


def trial_events(
    sweep: str, before: Mapping[int, Trial], changed: Iterable[Trial]
) -> list[NewEvent]:
    """The events of trials that have another status or attempt."""
    news = []
    for trial in changed:
        known = before.get(trial.number)
        if known is None or (known.status, known.attempt) != (trial.status, trial.attempt):
            data = {
                "number": trial.number,
                "status": trial.status.value,
                "status_reason": trial.status_reason,
                "attempt": trial.attempt,
                "objective_value": trial.objective_value,
            }
            news.append(NewEvent("trial.status", sweep, data, trial=trial.number))
    return news


def report_events(sweep: str, metrics: Sequence[Metric]) -> list[NewEvent]:
    """The events of new reports, those of a trial's attempt together."""
    reports: defaultdict[tuple[int, int], list[Values]] = defaultdict(list)
    for metric in metrics:
        report: Values = {
            "name": metric.name,
            "interval": metric.interval,
            "step": metric.step,
            "value": figure(metric.value),
            "recorded_at": metric.recorded_at.isoformat(),
        }
        reports[metric.trial, metric.attempt].append(report)
    return _events(sweep, "trial.metric", "reports", reports)


def decision_events(sweep: str, decisions: Sequence[Decision]) -> list[NewEvent]:
    """The events of new entries of the early-termination ledger."""
    entries: defaultdict[tuple[int, int], list[Values]] = defaultdict(list)
    for decision in decisions:
        threshold = decision.threshold
        entry: Values = {
            "interval": decision.interval,
            "policy": decision.policy,
            "value": figure(decision.value),
            "threshold": None if threshold is None else figure(threshold),
            "verdict": decision.verdict,
            "reason": decision.reason,
            "too_late": decision.too_late,
        }
        entries[decision.trial, decision.attempt].append(entry)
    return _events(sweep, "trial.decision", "decisions", entries)


def detail_events(
    sweep: str, before: Mapping[int, Trial], changed: Iterable[Trial], told: set[int]
) -> list[NewEvent]:
    """The events of trials of which something else changed than what others have told."""
    return [
        NewEvent("trial.details", sweep, {"number": trial.number}, trial=trial.number)
        for trial in changed
        if trial.number in before and trial.number not in told
    ]


def sweep_events(row: AnyRow, values: Mapping[str, object]) -> list[NewEvent]:
    """The events of what changed about a sweep itself; `values` are columns of its row."""
    news = []
    if row.sync_error is not None and values["sync_error"] is None:
        news.append(NewEvent("sync.error", row.name, {"error": None}))
    if "status" in values:
        status = SweepStatus(str(values["status"])).value
        data = {"status": status, "status_reason": values["status_reason"]}
        news.append(NewEvent("sweep.status", row.name, data))
    elif any(name in values and values[name] != getattr(row, name) for name in _DETAILS):
        data = {name: values.get(name, getattr(row, name)) for name in _DETAILS[:2]}
        news.append(NewEvent("sweep.details", row.name, data))
    return news


def _events(
    sweep: str, kind: EventType, key: str, found: Mapping[tuple[int, int], Sequence[Values]]
) -> list[NewEvent]:
    return [
        NewEvent(kind, sweep, {"number": trial, "attempt": attempt, key: some}, trial=trial)
        for (trial, attempt), entries in found.items()
        for some in _chunks(entries)
    ]


def _chunks(entries: Sequence[Values]) -> Iterator[list[Values]]:
    rest = iter(entries)
    while some := list(islice(rest, REPORTS_PER_EVENT)):
        yield some
