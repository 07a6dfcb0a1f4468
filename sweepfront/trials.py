"""A sweep's trials: a sequence that becomes a data frame, or a table in a notebook."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, overload

from sweepfront.errors import MissingLibraryError
from sweepfront.shapes import Sweep, Trial
from sweepfront.tables import table

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 50
_FIRST = ("number", "status", "objective_value")
_LAST = (
    "last_value",
    "objective_status",
    "attempt",
    "duration_seconds",
    "queued_at",
    "started_at",
    "finished_at",
    "exit_code",
    "status_reason",
)


class Trials(Sequence[Trial]):
    """Trials of one sweep, as they were when they were read."""

    def __init__(self, sweep: Sweep, trials: Iterable[Trial]) -> None:
        self._sweep = sweep
        self._trials = tuple(trials)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> "Trials": ...
    def __getitem__(self, index: int | slice) -> "Trial | Trials":
        if isinstance(index, slice):
            return Trials(self._sweep, self._trials[index])
        return self._trials[index]

    def __len__(self) -> int:
        return len(self._trials)

    def to_pandas(self) -> "pd.DataFrame":
        """A data frame with a row for each trial, by its number.

        Columns: status, objective_value; `parameters.NAME` for each hyperparameter and
        `metrics.NAME` for the latest value of each metric, empty where a trial has none; then
        last_value, objective_status, attempt, duration_seconds, queued_at, started_at, finished_at,
        exit_code, status_reason.

        Raises:
            MissingLibraryError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - the client works without it
        except ModuleNotFoundError as error:
            raise MissingLibraryError(
                "to_pandas needs pandas; install it (pip install pandas), or Sweepfront with its "
                'extra "trials"'
            ) from error
        columns = [
            *_FIRST,
            *(f"parameters.{name}" for name in self._names("parameters")),
            *(f"metrics.{name}" for name in self._names("metrics")),
            *_LAST,
        ]
        rows = [_flat(trial) for trial in self._trials]
        return pd.DataFrame(rows, columns=columns).set_index("number")

    def __repr__(self) -> str:
        return f"<{len(self)} trials of {self._sweep.name}>"

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        names = self._names("parameters")
        best = self._sweep.best_trial
        kept = self._trials[:_MOST_ROWS]
        left = len(self) - len(kept)
        return table(
            f"{self._sweep.name}: {len(self)} trials",
            ["trial", "status", self._sweep.primary_metric, "seconds", *names],
            (
                [
                    trial.number,
                    trial.status,
                    trial.objective_value,
                    trial.duration_seconds,
                    *(trial.parameters.get(name) for name in names),
                ]
                for trial in kept
            ),
            bold={n for n, trial in enumerate(kept) if best and trial.number == best.number},
            note=f"{left} more; to_pandas() has them all" if left else "",
        )

    def _names(self, field: str) -> list[str]:
        """The keys of that field of all trials, in the order in which they come."""
        return list(dict.fromkeys(name for trial in self._trials for name in getattr(trial, field)))


def _flat(trial: Trial) -> dict[str, Any]:
    whole = asdict(trial)
    for field in ("parameters", "metrics"):
        whole |= {f"{field}.{name}": value for name, value in whole.pop(field).items()}
    return whole
