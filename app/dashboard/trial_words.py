"""Early termination in words: what was decided about a trial, and why."""

from collections.abc import Sequence

from app.dashboard import formats
from app.sweep.state import Decision, Trial, TrialStatus


def outcome(trial: Trial, decisions: Sequence[Decision]) -> str:
    """What became of a trial, as a sentence; empty while there is nothing to explain."""
    stop = next((each for each in reversed(decisions) if each.verdict == "stop"), None)
    if trial.status is TrialStatus.EARLY_TERMINATED and stop is not None:
        return f"Stopped at report {stop.interval} by {formats.words(stop.policy)}: {held(stop)}."
    if stop is not None and stop.too_late:
        return f"It would have been stopped at report {stop.interval}, but had ended by itself."
    return trial.status_reason or ""


def held(decision: Decision) -> str:
    """The two numbers that decided."""
    value = formats.number(decision.value)
    if decision.threshold is None:
        return f"{value}, with nothing to compare it with"
    return f"{value} was held against {formats.number(decision.threshold)}"


def compared(decision: Decision, most: int = 6) -> str:
    """The figures of the other trials that entered, by trial."""
    shown = [f"{n}: {formats.number(value)}" for n, value in sorted(decision.compared.items())]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
