"""Whether what is asked for of a trial was removed by retention, in words."""

from datetime import datetime

from app.sweep.errors import RemovedError
from app.sweep.record import SweepRecord
from app.sweep.state import Trial


def check_artifacts(sweep: SweepRecord, trial: Trial) -> None:
    """See whether the trial's artifacts were removed.

    Raises:
        RemovedError: with the day on which they were.
    """
    _check("artifacts", sweep, trial, sweep.artifacts_removed_at)


def check_logs(sweep: SweepRecord, trial: Trial) -> None:
    """See whether the trial's logs were removed.

    Raises:
        RemovedError: with the day on which they were.
    """
    _check("logs", sweep, trial, sweep.logs_removed_at)


def _check(what: str, sweep: SweepRecord, trial: Trial, at: datetime | None) -> None:
    # A trial that was run again since has new ones.
    if at is None or trial.finished_at is None or trial.finished_at > at:
        return
    raise RemovedError(
        f"The {what} of trial {trial.number} of the sweep {sweep.name!r} were removed by retention "
        f"on {at:%Y-%m-%d}, as this service's owner has set it; registered models are kept."
    )
