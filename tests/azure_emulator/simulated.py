"""Sweeps whose trials run nowhere: for measuring what follows thousands of them."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from mlflow.entities import (
    Experiment,
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunStatus,
    RunTag,
)
from mlflow.store.entities.paged_list import PagedList

from app.engine.sweep_runs import PARAMETERS_TAG, SWEEP_TAG, TRIAL_TAG
from app.sweep.state import SweepSnapshot, SweepStatus, Trial, TrialStatus
from tests.azure_emulator.sweeps import Seen

Json = dict[str, Any]
METRIC = "loss"


class SimulatedSweeps:
    """Every sweep has its trials at once; they run until the end, and log when they are told to."""

    def __init__(self, trials: int) -> None:
        self._trials = trials
        self._lock = threading.Lock()
        self._values: dict[str, list[list[float]]] = {}
        self._started = int(time.time() * 1000)
        self.store: Any = _Store(self)
        self.haste = 1

    def submit(self, name: str, properties: Json) -> None:  # noqa: ARG002 - any sweep is alike
        """Take the sweep."""
        with self._lock:
            self._values[name] = [[] for _ in range(self._trials)]

    def advance(self, sweeps: int, trials: int) -> None:
        """Log one more value in the first trials of the first sweeps."""
        with self._lock:
            for values in list(self._values.values())[:sweeps]:
                for logged in values[:trials]:
                    logged.append(1.0 / (len(logged) + 1))

    def look(self, name: str) -> Seen:
        """All is running."""
        trials = {
            number: Trial(
                number=number,
                status=TrialStatus.RUNNING,
                parameters={"x": number / self._trials},
                provider_run_id=f"{name}_{number}",
            )
            for number in range(self._trials)
        }
        return Seen(latest=SweepSnapshot(status=SweepStatus.RUNNING), trials=trials)

    def names(self) -> set[str]:
        """The sweeps there are."""
        return set(self._values)

    def cancel(self, name: str) -> None:
        """Simulated sweeps do not end."""

    def cancel_trial(self, name: str, number: int) -> None:
        """Nor do their trials."""

    def upload_finished(self, name: str) -> None:
        """Nothing ends, nothing is left behind."""

    def close(self) -> None:
        """Nothing was started."""

    def runs(self, name: str) -> list[Run]:
        """The trials' runs."""
        return [self._run(name, n, logged) for n, logged in enumerate(self._values.get(name, []))]

    def history(self, run_id: str) -> list[Metric]:
        """All values of a trial's metric."""
        name, _, number = run_id.rpartition("_")
        return self._metrics(self._values[name][int(number)])

    def _metrics(self, logged: Sequence[float]) -> list[Metric]:
        return [
            Metric(METRIC, value, self._started + 1000 * step, step)
            for step, value in enumerate(logged)
        ]

    def _run(self, name: str, number: int, logged: Sequence[float]) -> Run:
        info = RunInfo(
            run_id=f"{name}_{number}",
            experiment_id="1",
            user_id="",
            status=RunStatus.to_string(RunStatus.RUNNING),
            start_time=self._started,
            end_time=None,
            lifecycle_stage=LifecycleStage.ACTIVE,
        )
        tags = {SWEEP_TAG: name, TRIAL_TAG: str(number)}
        tags[PARAMETERS_TAG] = f'{{"x": {number / self._trials}}}'
        data = RunData(
            metrics=self._metrics(logged)[-1:],
            params=[Param("x", str(number / self._trials))],
            tags=[RunTag(key, value) for key, value in tags.items()],
        )
        return Run(info, data)


class _Store:
    """What the MLflow routes ask of a store."""

    def __init__(self, sweeps: SimulatedSweeps) -> None:
        self._sweeps = sweeps

    def get_experiment_by_name(self, name: str) -> Experiment:
        return Experiment("1", name, "", LifecycleStage.ACTIVE)

    def search_runs(self, _experiments: list[str], wanted: str, *_rest: object) -> PagedList[Run]:
        return PagedList(self._sweeps.runs(wanted.split("'")[1]), None)

    def get_metric_history(self, run_id: str, _metric: str) -> list[Metric]:
        return self._sweeps.history(run_id)
