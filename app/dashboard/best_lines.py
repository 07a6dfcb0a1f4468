"""Best-so-far: how the best value of a sweep came to be, trial by trial and over time."""

from dataclasses import dataclass
from datetime import datetime

from app.dashboard.charts.look import columns
from app.sweep.state import TrialStatus
from app.views.shape import View


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPoint:
    """The best value of a sweep's completed trials once so many of all its trials had ended.

    Attributes:
        ended: how many trials had ended, however they did.
        seconds: since the first trial started.
        value: the best value until then.
        trial: the trial that has it.
    """

    ended: int
    seconds: float
    value: float
    trial: int


def best_line(history: View) -> list[BestPoint]:
    """The best value at every improvement and at the last end of a trial.

    Args:
        history: the view of that name, complete.
    """
    series = {each.name: each for each in history.series}
    best = columns(series["best over time"], "number", "objective", "ended", "elapsed")
    line = [
        BestPoint(ended=ended, seconds=elapsed or 0.0, value=value, trial=number)
        for number, value, ended, elapsed in best
    ]
    ends = [
        datetime.fromisoformat(finished)
        for status, finished in columns(series["trials"], "status", "finished_at")
        if finished and TrialStatus(status).finished
    ]
    if line and len(ends) > line[-1].ended:
        last = line[-1]
        ((then,),) = columns(series["best over time"], "finished_at")[-1:]
        later = (max(ends) - datetime.fromisoformat(then)).total_seconds()
        line.append(
            BestPoint(
                ended=len(ends), seconds=last.seconds + later, value=last.value, trial=last.trial
            )
        )
    return line
