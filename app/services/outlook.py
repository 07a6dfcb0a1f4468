"""How long a running sweep may still take."""

from collections.abc import Sequence

from app.search.estimate import sweep_seconds
from app.sweep.document import SweepDocument, expected_trials
from app.sweep.record import SweepRecord
from app.sweep.state import Trial, TrialStatus

_FORESEEN = 2000
"""Trials that an estimate draws at most; of more it is scaled."""


def seconds_left(sweep: SweepRecord, trials: Sequence[Trial]) -> float | None:
    """Median of the seconds until the last trial ends; None before one has, or after the end.

    Trials to come are taken to last as long as those that have ended; of one that runs, half of
    it is still to come.
    """
    durations = [trial.duration_seconds for trial in trials if trial.duration_seconds]
    if sweep.status.finished or not durations:
        return None
    running = sum(trial.status is TrialStatus.RUNNING for trial in trials)
    ended = sum(trial.status.finished for trial in trials)
    coming = max(0, expected_trials(sweep.document) - ended - running)
    concurrency = SweepDocument.stored(sweep.document).limits.max_concurrent_trials or 1
    drawn = min(coming, _FORESEEN)
    whole = 0.0
    if drawn:
        whole = sweep_seconds(durations, trials=drawn, concurrency=concurrency).likely
        whole *= coming / drawn
    return whole + (sum(durations) / len(durations) / 2 if running else 0.0)
