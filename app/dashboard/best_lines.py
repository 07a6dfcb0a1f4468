"""Best-so-far: how the best value of a sweep came down, or up, as its trials ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.sweep.state import Goal, Trial, TrialStatus, better


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPoint:
    """The best value of a sweep's completed trials once so many of all its trials had ended.

    Attributes:
        ended: how many trials had ended, however they did.
        seconds: since the sweep began.
        value: the best value until then.
        trial: the trial that has it.
    """

    ended: int
    seconds: float
    value: float
    trial: int


def best_line(trials: Iterable[Trial], goal: Goal, begun: datetime) -> list[BestPoint]:
    """The best value at every improvement and at the last end of a trial.

    Args:
        trials: of one sweep; those without an end are passed over.
        goal: which of two values is the better one.
        begun: when the sweep began, aware.
    """
    ends = sorted(
        ((trial.finished_at, trial.number, trial) for trial in trials if trial.finished_at),
        key=lambda end: end[:2],
    )
    line: list[BestPoint] = []
    for ended, (at, number, trial) in enumerate(ends, start=1):
        value, seconds = trial.objective_value, max(0.0, (at - begun).total_seconds())
        counts = trial.status is TrialStatus.COMPLETED and value is not None
        if counts and value is not None and (not line or better(value, line[-1].value, goal)):
            line.append(BestPoint(ended=ended, seconds=seconds, value=value, trial=number))
        elif line and ended == len(ends):
            last = line[-1]
            line.append(BestPoint(ended=ended, seconds=seconds, value=last.value, trial=last.trial))
    return line
