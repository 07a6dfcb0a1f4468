"""What is known of a trial, as a list; trials, models and the like are links."""

from collections.abc import Sequence
from html import escape

from app.dashboard import formats
from app.dashboard.lineage import of_this
from app.dashboard.markup import link, listed, table
from app.dashboard.trial_words import others
from app.sweep.failure import FailureGroup, fingerprint_of
from app.sweep.record import ModelVersion, SweepRecord
from app.sweep.state import Decision, Trial, TrialStatus

_SHOWN_OTHERS = 6
"""Trials that one decision names at most."""


def facts_of(
    base: str, sweep: SweepRecord, trial: Trial, registered: Sequence[ModelVersion]
) -> str:
    """Markup of the list.

    Args:
        base: the path that all pages begin with.
        sweep: the trial's.
        trial: as it stands.
        registered: versions that name this sweep and trial.
    """
    text = {
        primary_metric(sweep): _objective(sweep, trial),
        "Last value": formats.number(trial.last_value),
        "Attempt": str(trial.attempt),
        "Queued": formats.age(trial.queued_at),
        "Started": formats.age(trial.started_at),
        "Took" if trial.status.finished else "Has taken": _took(trial),
        "Exit code": "" if trial.exit_code is None else str(trial.exit_code),
        "Status by the backend": trial.provider_status or "",
        "Run of the backend": trial.provider_run_id or "",
    }
    found = {name: escape(words) for name, words in text.items()}
    alike = _group(sweep, trial)
    if alike is not None:
        found["Fingerprint of the failure"] = escape(alike.fingerprint)
        found["Failed alike"] = _alike(f"{base}/sweeps/{sweep.name}/trials", alike, trial.number)
    versions = [
        link(
            f"{base}/models/{each.model_name}?version={each.version}",
            f"{each.model_name} version {each.version}",
        )
        for each in registered
        if of_this(each, sweep)
    ]
    found["Registered as"] = ", ".join(versions)
    return listed({name: words for name, words in found.items() if words})


def ledger(base: str, sweep: str, trial: Trial, decisions: Sequence[Decision]) -> str:
    """Markup of a table of decisions, in the order in which they are given."""
    if not decisions:
        return "<p>Early termination has not judged this trial.</p>"
    again = any(each.attempt != trial.attempt for each in decisions) or trial.attempt > 1
    head = ["Report", "Verdict", "Value", "Threshold", "Compared with trials", "Reason"]
    rows = [_row(f"{base}/sweeps/{sweep}/trials", each) for each in decisions]
    if again:
        head.insert(1, "Attempt")
        for row, each in zip(rows, decisions, strict=True):
            row.insert(1, str(each.attempt))
    return table("Decisions of early termination, the newest first", head, rows)


def primary_metric(sweep: SweepRecord) -> str:
    """The metric that is optimised."""
    objective = sweep.document["objective"]
    return str(objective["primary_metric"]) if isinstance(objective, dict) else ""


def _objective(sweep: SweepRecord, trial: Trial) -> str:
    best = sweep.best_trial
    leads = ", the best" if best is not None and best.number == trial.number else ""
    value = formats.number(trial.objective_value)
    return f"{value}{leads}" if value else formats.words(trial.objective_status)


def _took(trial: Trial) -> str:
    if trial.duration_seconds is not None:
        return formats.duration(trial.duration_seconds)
    return formats.between(trial.started_at, trial.finished_at)


def _group(sweep: SweepRecord, trial: Trial) -> FailureGroup | None:
    """The failures like this one, itself among them."""
    if trial.status is not TrialStatus.FAILED:
        return None
    mark = trial.fingerprint or fingerprint_of(trial.status_reason)
    return next((each for each in sweep.failures if each.fingerprint == mark), None)


def _alike(trials: str, group: FailureGroup, number: int) -> str:
    named = [each for each in group.trials if each != number]
    more = group.count - 1 - len(named)
    if not named:
        return "no other trial"
    links = ", ".join(_trial(trials, each) for each in named)
    return f"{links} and {more} more" if more else links


def _row(trials: str, decision: Decision) -> list[str]:
    compared = others(decision)
    shown = [f"{_trial(trials, n)}: {escape(value)}" for n, value in compared[:_SHOWN_OTHERS]]
    more = len(compared) - len(shown)
    stop = decision.verdict == "stop"
    words = "stop, too late" if decision.too_late else decision.verdict
    state = "early_terminated" if stop and not decision.too_late else "continue"
    return [
        str(decision.interval),
        f'<span class="sf-badge" data-status="{state}">{escape(words)}</span>',
        escape(formats.number(decision.value)),
        escape(formats.number(decision.threshold)),
        ", ".join(shown) + (f" and {more} more" if more else ""),
        f'<span class="sf-words">{escape(decision.reason)}</span>',
    ]


def _trial(trials: str, number: int) -> str:
    return link(f"{trials}/{number}", str(number), label=f"Trial {number}")
