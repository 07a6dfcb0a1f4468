"""The engine's MLflow: tracking store and model registry in the workspace, written by one thread.

The engine's loop never waits for it: every method puts work in a queue and returns, those with a
result a Future. Work is done in the order in which it was asked for.
"""

import json
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from app.engine import registry
from app.sweep.state import SweepStatus, TrialStatus

MAX_BATCH = 1000
"""Metrics that MLflow takes in one log_batch."""
SWEEP_TAG = "sweepfront.sweep"
TRIAL_TAG = "sweepfront.trial"
PARAMETERS_TAG = "sweepfront.parameters"
_PARENT_TAG = "mlflow.parentRunId"

_TRIAL_OUTCOMES = {TrialStatus.COMPLETED: "FINISHED", TrialStatus.FAILED: "FAILED"}
_SWEEP_OUTCOMES = {SweepStatus.COMPLETED: "FINISHED", SweepStatus.FAILED: "FAILED"}

Untyped = Any
"""MLflow has no types."""
Work = Callable[[], object]


class Tracking:
    """MLflow's store of one workspace; nobody else writes it."""

    def __init__(self, folder: Path, trial_socket: Path) -> None:
        """Open it in the background; a new file takes MLflow some seconds to lay out."""
        self._folder = folder
        self._trial_socket = trial_socket
        self._queue: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._store: Any = None
        self._sweep_runs: dict[str, tuple[str, str]] = {}
        self._last_time: dict[tuple[str, str], int] = {}
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def environment(self, run_id: str, experiment_name: str) -> dict[str, str]:
        """The variables with which a trial's script finds its run."""
        return {
            "MLFLOW_TRACKING_URI": f"sweepfront://{quote(str(self._trial_socket))}",
            "MLFLOW_RUN_ID": run_id,
            "MLFLOW_EXPERIMENT_NAME": experiment_name,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "AZUREML_RUN_ID": run_id,
        }

    def sweep_run(self, sweep: str, experiment_name: str) -> Future[None]:
        """Make the sweep's parent run, or find the one that an earlier engine made."""
        return self._put(lambda: self._open_sweep(sweep, experiment_name))

    def trial_run(
        self, sweep: str, number: int, *, parameters: Mapping[str, object], artifacts: Path
    ) -> Future[str]:
        """Make a run for a trial, below its sweep's; its id.

        Args:
            sweep: the sweep, whose `sweep_run` was asked for before.
            number: the trial.
            parameters: recorded as a tag, never as MLflow params: those are the script's.
            artifacts: the folder that becomes the run's artifact root.
        """
        return self._put(lambda: self._open_trial(sweep, number, parameters, artifacts))

    def call(
        self, method: str, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> Future[Any]:
        """Make a call of MLflow's tracking store, after all that was asked for before."""
        return self._put(lambda: self._call(method, list(args), dict(kwargs)))

    def end_trial(self, run_id: str, outcome: TrialStatus) -> Future[None]:
        """Give a trial's run its end."""
        return self._put(lambda: self._end_run(run_id, _TRIAL_OUTCOMES.get(outcome, "KILLED")))

    def end_sweep(self, sweep: str, outcome: SweepStatus) -> Future[None]:
        """Give a sweep's run its end."""
        word = _SWEEP_OUTCOMES.get(outcome, "KILLED")
        return self._put(lambda: self._end_run(self._sweep_runs[sweep][1], word))

    def register(self, registration: Mapping[str, Any], path: Path) -> Future[registry.Registered]:
        """Make a file a model version; the same lineage gets the same version again."""
        return self._put(lambda: registry.register(self._folder, registration, path))

    def close(self) -> None:
        """Do what was asked for, then stop."""
        self._queue.put(None)
        self._thread.join(timeout=30)

    def _put(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._queue.put((work, future))
        return future

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            work, future = item
            try:
                if self._store is None:
                    self._store = open_store(self._folder)
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                future.set_exception(error)

    def _open_sweep(self, sweep: str, experiment_name: str) -> None:
        experiment = self._store.get_experiment_by_name(experiment_name)
        experiment_id = (
            experiment.experiment_id
            if experiment is not None
            else self._store.create_experiment(experiment_name)
        )
        found = self._store.search_runs(
            [experiment_id], f"tags.`{SWEEP_TAG}` = '{sweep}' AND tags.`{TRIAL_TAG}` = ''", 1
        )
        run = found[0] if found else self._create_run(experiment_id, sweep, {TRIAL_TAG: ""}, sweep)
        self._sweep_runs[sweep] = (experiment_id, run.info.run_id)

    def _open_trial(
        self, sweep: str, number: int, parameters: Mapping[str, object], artifacts: Path
    ) -> str:
        experiment_id, parent = self._sweep_runs[sweep]
        tags = {
            TRIAL_TAG: str(number),
            PARAMETERS_TAG: json.dumps(parameters),
            _PARENT_TAG: parent,
        }
        run = self._create_run(experiment_id, sweep, tags, f"{sweep}_{number}")
        place = Path(unquote(urlsplit(run.info.artifact_uri).path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(artifacts)
        return str(run.info.run_id)

    def _create_run(
        self, experiment_id: str, sweep: str, tags: Mapping[str, str], name: str
    ) -> Untyped:
        from mlflow.entities import RunTag  # noqa: PLC0415 - heavy, and only this thread needs it

        entities = [RunTag(key, value) for key, value in {SWEEP_TAG: sweep, **tags}.items()]
        return self._store.create_run(experiment_id, "sweepfront", _now(), entities, name)

    def _call(self, method: str, args: list[Any], kwargs: dict[str, Any]) -> object:
        if method == "log_batch":
            named = dict(zip(("run_id", "metrics", "params", "tags"), args, strict=False)) | kwargs
            self._log(
                named["run_id"],
                list(named.get("metrics") or ()),
                list(named.get("params") or ()),
                list(named.get("tags") or ()),
            )
            return None
        return getattr(self._store, method)(*args, **kwargs)

    def _log(self, run_id: str, metrics: list[Any], params: list[Any], tags: list[Any]) -> None:
        waiting = deque(self._later(run_id, metric) for metric in metrics)
        self._store.log_batch(run_id, [], params, tags)
        while waiting:
            batch = [waiting.popleft() for _ in range(min(MAX_BATCH, len(waiting)))]
            self._store.log_batch(run_id, batch, [], [])

    def _later(self, run_id: str, metric: Untyped) -> Untyped:
        """The metric with a time after the one before: MLflow drops what shares time and step."""
        key = (run_id, metric.key)
        metric._timestamp = max(metric.timestamp, self._last_time.get(key, 0) + 1)  # noqa: SLF001 - it has no setter
        self._last_time[key] = metric.timestamp
        return metric

    def _end_run(self, run_id: str, word: str) -> None:
        from mlflow.entities import RunStatus  # noqa: PLC0415 - heavy, and only this thread needs it

        for key in [key for key in self._last_time if key[0] == run_id]:
            del self._last_time[key]
        self._store.update_run_info(run_id, RunStatus.from_string(word), _now(), None)


def address(folder: Path) -> str:
    """The workspace's MLflow database, as any MLflow tool takes it."""
    return f"sqlite:///{folder / 'mlflow.db'}"


def open_store(folder: Path) -> Untyped:
    """MLflow's tracking store in the workspace; a new one is laid out first."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 - heavy

    with sqlite3.connect(folder / "mlflow.db") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return SqlAlchemyStore(address(folder), f"file://{quote(str(folder / 'runs'))}")


def _now() -> int:
    return time.time_ns() // 1_000_000
