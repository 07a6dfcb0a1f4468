"""Early termination in words: what was decided about a trial, and why."""

import math
from collections.abc import Sequence

from app.dashboard import formats
from app.sweep.state import Decision, Trial, TrialStatus

_BECAUSE = {
    "bandit": "its best value, {value}, was worse than {threshold}, the most that the slack allows "
    "beside the best trial",
    "median_stopping": "its best value, {value}, was worse than {threshold}, the median of the "
    "running means of the trials that had come as far",
    "truncation_selection": "its value, {value}, was among the worst, which began at {threshold}",
}
_OTHERWISE = "{value} was held against {threshold}"


def outcome(trial: Trial, decisions: Sequence[Decision]) -> str:
    """What became of a trial, as a sentence; empty while there is nothing to explain.

    Args:
        trial: as it stands.
        decisions: about it, the newest first; those about earlier attempts are passed over.
    """
    stops = (d for d in decisions if d.verdict == "stop" and d.attempt == trial.attempt)
    stop = next(stops, None)
    if stop is not None and trial.status is TrialStatus.EARLY_TERMINATED:
        name = formats.words(stop.policy)
        return f"Stopped at report {stop.interval} by {name}: {because(stop)}."
    if stop is not None and stop.too_late:
        return (
            f"It would have been stopped at report {stop.interval}, but had ended by itself: "
            f"{because(stop)}."
        )
    return trial.status_reason or ""


def because(stop: Decision) -> str:
    """Why a trial was to stop, by the figures that decided."""
    value = formats.number(stop.value) if math.isfinite(stop.value) else "not a finite number"
    words = _BECAUSE.get(stop.policy, _OTHERWISE)
    if stop.threshold is None:
        words = "{value}, with nothing to compare it with"
    return words.format(value=value, threshold=formats.number(stop.threshold))


def others(decision: Decision) -> list[tuple[int, str]]:
    """The other trials that were compared with it, by number, and their figures."""
    return [
        (number, formats.number(figure))
        for number, figure in sorted(decision.compared.items())
        if number != decision.trial
    ]
