"""The engine's MLflow: tracking store and model registry in the workspace, written by one thread.

The engine's loop never waits for it: every method puts work in a queue and returns, those with a
result a Future. Writes gather for a moment and are made together; a call that reads comes after
all that was asked for before it.
"""

import json
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from app.engine import registry
from app.engine.run_entities import RUNNING, USER, NewRun, change_of
from app.engine.run_store import RunStore
from app.engine.run_writes import RunBatch, Write, Writes, batches
from app.sweep.errors import storage_error
from app.sweep.state import SweepStatus, TrialStatus

SWEEP_TAG = "sweepfront.sweep"
TRIAL_TAG = "sweepfront.trial"
PARAMETERS_TAG = "sweepfront.parameters"
_PARENT_TAG = "mlflow.parentRunId"
_NAME_TAG = "mlflow.runName"

_TRIAL_OUTCOMES = {TrialStatus.COMPLETED: "FINISHED", TrialStatus.FAILED: "FAILED"}
_SWEEP_OUTCOMES = {SweepStatus.COMPLETED: "FINISHED", SweepStatus.FAILED: "FAILED"}

Untyped = Any
"""MLflow has no types."""

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }
)
Result = TypeVar("Result")

log = logging.getLogger(__name__)

_SweepRun = tuple[str, str, str]
"""Experiment id, the experiment's artifact location, id of the sweep's run."""


class Tracking:
    """MLflow's store of one workspace; nobody else writes it."""

    def __init__(self, folder: Path, trial_socket: Path) -> None:
        """Open it in the background; a new file takes MLflow some seconds to lay out."""
        self._folder = folder
        self._trial_socket = trial_socket
        self._writes = Writes()
        self._store: Any = None
        self._sweep_runs: dict[str, Future[_SweepRun]] = {}
        self._unwritten: dict[str, NewRun] = {}
        self._closing = threading.Event()
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

    def sweep_run(self, sweep: str, experiment_name: str) -> None:
        """Make the sweep's parent run, or find the one that an earlier engine made."""
        self._sweep_runs[sweep] = self._put(
            lambda: self._insist(lambda: self._open_sweep(sweep, experiment_name))
        )

    def trial_run(
        self, sweep: str, number: int, *, parameters: Mapping[str, object], artifacts: Path
    ) -> Future[str]:
        """Make a run for a trial, below its sweep's; its id, at once when the sweep has its own.

        MLflow's row is written later; what the script reads of its run until it first writes to
        it comes from here.

        Args:
            sweep: the sweep, whose `sweep_run` was asked for before.
            number: the trial.
            parameters: recorded as a tag, never as MLflow params: those are the script's.
            artifacts: the folder that becomes the run's artifact root.
        """
        made: Future[str] = Future()
        tags = {SWEEP_TAG: sweep, TRIAL_TAG: str(number), PARAMETERS_TAG: json.dumps(parameters)}

        def make(opened: Future[_SweepRun]) -> None:
            try:
                made.set_result(
                    self._open_trial(opened.result(), f"{sweep}_{number}", tags, artifacts)
                )
            except OSError as error:
                made.set_exception(error)
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                made.set_exception(OSError(f"MLflow's store cannot be used: {error}"))

        self._sweep_runs[sweep].add_done_callback(make)
        return made

    def call(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, waited: bool
    ) -> Future[Any]:
        """Make a call of MLflow's tracking store, after all that was asked for before.

        Args:
            method: its name.
            args: of the call.
            kwargs: likewise.
            waited: somebody waits for the result, so that it is not gathered with others.
        """
        run_id = str(args[0]) if args else str(kwargs.get("run_id", ""))
        change = change_of(args, kwargs) if method == "update_run_info" else None
        if run := self._unwritten.get(run_id):
            if method == "get_run":
                return _done(run.entity())
            if change == (RUNNING, None):
                return _done(None)
            del self._unwritten[run_id]
        if method == "log_batch":
            return self._log(args, kwargs)
        if change is not None and not waited:
            return self._change(run_id, change)
        return self._put(
            lambda: self._insist(lambda: getattr(self._store, method)(*args, **kwargs)),
            waited=waited,
        )

    def end_trial(self, run_id: str, outcome: TrialStatus) -> Future[None]:
        """Give a trial's run its end."""
        self._unwritten.pop(run_id, None)
        word = _TRIAL_OUTCOMES.get(outcome, "KILLED")
        return self._change(run_id, (word, _now()))

    def end_sweep(self, sweep: str, outcome: SweepStatus) -> Future[None]:
        """Give a sweep's run its end, and write what is still to be written."""
        opened = self._sweep_runs.pop(sweep)
        word = _SWEEP_OUTCOMES.get(outcome, "KILLED")
        return self._put(lambda: self._insist(lambda: self._end_run(opened.result()[2], word)))

    def register(self, registration: Mapping[str, Any], path: Path) -> Future[registry.Registered]:
        """Make a file a model version; the same lineage gets the same version again."""
        return self._put(lambda: registry.register(self._folder, registration, path))

    def close(self) -> None:
        """Do what was asked for, as far as it can be written now, then stop."""
        self._closing.set()
        self._writes.close()
        self._thread.join(timeout=30)

    def _put(self, work: Callable[[], Any], *, waited: bool = True) -> Future[Any]:
        write = Write(work=work)
        self._writes.put(write, urgent=waited)
        return write.future

    def _change(self, run_id: str, change: tuple[str | None, int | None]) -> Future[None]:
        write = Write(run_id, end=change)
        self._writes.put(write, urgent=False)
        return write.future

    def _log(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Future[Any]:
        named = dict(zip(("run_id", "metrics", "params", "tags"), args, strict=False)) | dict(
            kwargs
        )
        parts = [list(named.get(part) or ()) for part in ("metrics", "params", "tags")]
        write = Write(str(named["run_id"]), log=(parts[0], parts[1], parts[2]))
        self._writes.put(write, urgent=False)
        return write.future

    def _work(self) -> None:
        runs: RunStore | None = None
        while writes := self._writes.take():
            for batch in batches(writes):
                try:
                    if runs is None:
                        self._store = self._insist(lambda: open_store(self._folder))
                        runs = RunStore(self._store, self._insist)
                    if isinstance(batch, Write):
                        batch.future.set_result(batch.work() if batch.work else None)
                    else:
                        runs.write(batch)
                except Exception as error:  # noqa: BLE001 - handed to whoever asked
                    _fail(batch, error)

    def _insist(self, do: Callable[[], Result]) -> Result:
        """Do it; while the store is locked, full or read-only, again, until the engine ends.

        The trials do not wait meanwhile, and what they log gathers in memory.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return do()
            except Exception as error:
                if not _passes(error) or self._closing.wait(pause):
                    raise
                log.warning("MLflow's store cannot be written, trying again: %s", error)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _open_sweep(self, sweep: str, experiment_name: str) -> _SweepRun:
        experiment = self._store.get_experiment_by_name(experiment_name)
        if experiment is None:
            experiment = self._store.get_experiment(self._store.create_experiment(experiment_name))
        found = self._store.search_runs(
            [experiment.experiment_id],
            f"tags.`{SWEEP_TAG}` = '{sweep}' AND tags.`{TRIAL_TAG}` = ''",
            1,
        )
        run = found[0] if found else self._create_run(experiment.experiment_id, sweep)
        return experiment.experiment_id, experiment.artifact_location, run.info.run_id

    def _create_run(self, experiment_id: str, sweep: str) -> Untyped:
        from mlflow.entities import RunTag  # noqa: PLC0415 - heavy, and only this thread needs it

        tags = [RunTag(SWEEP_TAG, sweep), RunTag(TRIAL_TAG, "")]
        return self._store.create_run(experiment_id, USER, _now(), tags, sweep)

    def _open_trial(
        self, opened: _SweepRun, name: str, tags: Mapping[str, str], artifacts: Path
    ) -> str:
        experiment_id, location, parent = opened
        run_id = uuid.uuid4().hex
        run = NewRun(
            run_id=run_id,
            experiment_id=experiment_id,
            name=name,
            start_time=_now(),
            artifact_uri=f"{location}/{run_id}/artifacts",
            tags={**tags, _PARENT_TAG: parent},
        )
        place = Path(unquote(urlsplit(run.artifact_uri).path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(artifacts)
        self._unwritten[run_id] = run
        self._writes.put(Write(run_id, run=run), urgent=False)
        return run_id

    def _end_run(self, run_id: str, word: str) -> None:
        from mlflow.entities import RunStatus  # noqa: PLC0415 - heavy, and only this thread needs it

        self._store.update_run_info(run_id, RunStatus.from_string(word), _now(), None)


def _passes(error: BaseException) -> bool:
    """True for an error that says only that the store cannot be used just now."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, sqlite3.Error):
            return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _PASSING
        if storage_error(cause) is not None:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _done(result: object) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future


def _fail(batch: Mapping[str, RunBatch] | Write, error: Exception) -> None:
    """Answer what has no answer yet."""
    writes = [batch] if isinstance(batch, Write) else [w for b in batch.values() for w in b]
    for write in writes:
        if not write.future.done():
            write.future.set_exception(error)


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
