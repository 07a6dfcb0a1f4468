"""The engine's MLflow: tracking store and model registry in the workspace, written by one thread.

The engine's loop never waits for it: every method puts work in a queue and returns, those with a
result a Future. Writes gather for a moment and are made together; a call that reads comes after
all that was asked for before it.
"""

import gc
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from app.engine import registry
from app.engine.mending import mend
from app.engine.mlflow_file import Insistence, open_store
from app.engine.run_entities import NewRun, sets_status
from app.engine.run_store import RunStore
from app.engine.run_writes import RunBatch, Write, Writes, batches
from app.engine.sweep_runs import (
    Experiment,
    SweepRun,
    experiment_of,
    now,
    open_sweep,
    sweep_word,
    trial_word,
)
from app.engine.sweeps import Earlier
from app.sweep.state import SweepStatus, TrialStatus

Untyped = Any
"""MLflow has no types."""


class Tracking:
    """MLflow's store of one workspace; nobody else writes it."""

    def __init__(self, folder: Path, trial_socket: Path) -> None:
        """Open it in the background; a new file takes MLflow some seconds to lay out."""
        self._folder = folder
        self._trial_socket = trial_socket
        self._writes = Writes()
        self._store: Any = None
        self._runs: RunStore | None = None
        self._experiments: dict[str, Future[Experiment]] = {}
        self._sweep_runs: dict[str, Future[SweepRun]] = {}
        self._unwritten: dict[str, NewRun] = {}
        self._trial_runs: set[str] = set()
        self._insist = Insistence()
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

    def sweep_run(self, sweep: str, experiment_name: str, *, new: bool) -> None:
        """Make the sweep's own run, or find the one that an earlier engine made.

        Args:
            sweep: its name.
            experiment_name: made, if there is no such experiment.
            new: no earlier engine knew the sweep, so that nothing is searched for.
        """
        experiment = self._experiment(experiment_name)
        if not new:
            self._sweep_runs[sweep] = self._keep_at(
                lambda: open_sweep(self._store, self._writer(), sweep, experiment.result())
            )
            return
        made: Future[SweepRun] = Future()
        self._sweep_runs[sweep] = made

        def make(found: Future[Experiment]) -> None:
            try:
                run = found.result().run_of(sweep)
            except Exception as error:  # noqa: BLE001 - handed to whoever asks for a trial's run
                made.set_exception(error)
            else:
                self._writes.put(Write(run.run_id, run=run), urgent=False)
                made.set_result(found.result().sweep_run(run.run_id))

        experiment.add_done_callback(make)

    def mend(self, sweeps: Sequence[Earlier]) -> Future[None]:
        """Write what a killed engine had not written yet of these sweeps."""
        return self._put(lambda: mend(self._store, self._writer(), sweeps, self._insist))

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

        def make(opened: Future[SweepRun]) -> None:
            try:
                run = opened.result().below(
                    uuid.uuid4().hex,
                    sweep=sweep,
                    number=number,
                    parameters=parameters,
                    start_time=now(),
                )
                self._open_trial(run, artifacts)
                made.set_result(run.run_id)
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
        if run_id in self._trial_runs and sets_status(method, args, kwargs):
            # A trial's run ends with its process, whatever the script says of it before.
            return _done(None)
        if run := self._unwritten.get(run_id):
            if method == "get_run":
                return _done(run.entity())
            del self._unwritten[run_id]
        if method == "log_batch":
            return self._log(args, kwargs)
        return self._keep_at(lambda: getattr(self._store, method)(*args, **kwargs), waited=waited)

    def end_trial(self, run_id: str, outcome: TrialStatus) -> Future[None]:
        """Give a trial's run its end."""
        self._unwritten.pop(run_id, None)
        self._trial_runs.discard(run_id)
        write = Write(run_id, end=(trial_word(outcome), now()))
        self._writes.put(write, urgent=False)
        return write.future

    def end_sweep(self, sweep: str, outcome: SweepStatus) -> Future[None]:
        """Give a sweep's run its end, and write what is still to be written."""
        write = Write(end=(sweep_word(outcome), now()))

        def end(opened: Future[SweepRun]) -> None:
            try:
                write.run_id = opened.result().run_id
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                write.future.set_exception(error)
            else:
                self._writes.put(write, urgent=True)

        self._sweep_runs.pop(sweep).add_done_callback(end)
        return write.future

    def register(self, registration: Mapping[str, Any], path: Path) -> Future[registry.Registered]:
        """Make a file a model version; the same lineage gets the same version again."""
        return self._put(lambda: registry.register(self._folder, registration, path))

    def close(self) -> None:
        """Do what was asked for, as far as it can be written now, then stop."""
        self._insist.end()
        self._writes.close()
        self._thread.join(timeout=30)

    def _experiment(self, name: str) -> Future[Experiment]:
        """Looked up once: nobody else writes the store."""
        known = self._experiments.get(name)
        if known is None or (known.done() and known.exception() is not None):
            known = self._keep_at(lambda: experiment_of(self._store, name))
            self._experiments[name] = known
        return known

    def _put(self, work: Callable[[], Any], *, waited: bool = True) -> Future[Any]:
        write = Write(work=work)
        self._writes.put(write, urgent=waited)
        return write.future

    def _keep_at(self, work: Callable[[], Any], *, waited: bool = True) -> Future[Any]:
        """Put what is done again while the store cannot be used."""
        return self._put(lambda: self._insist(work), waited=waited)

    def _log(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Future[Any]:
        named = dict(zip(("run_id", "metrics", "params", "tags"), args, strict=False)) | dict(
            kwargs
        )
        parts = [list(named.get(part) or ()) for part in ("metrics", "params", "tags")]
        write = Write(str(named["run_id"]), log=(parts[0], parts[1], parts[2]))
        self._writes.put(write, urgent=False)
        return write.future

    def _work(self) -> None:
        while writes := self._writes.take():
            for batch in batches(writes):
                try:
                    runs = self._writer()
                    if isinstance(batch, Write):
                        batch.future.set_result(batch.work() if batch.work else None)
                    else:
                        runs.write(batch)
                except Exception as error:  # noqa: BLE001 - handed to whoever asked
                    _fail(batch, error)

    def _writer(self) -> RunStore:
        """The store, opened when it is first needed; on MLflow's thread only."""
        if self._runs is None:
            self._store = self._insist(lambda: open_store(self._folder))
            self._runs = RunStore(self._store, self._insist)
            # MLflow is large, and looking through it holds up every thread.
            gc.freeze()
        return self._runs

    def _open_trial(self, run: NewRun, artifacts: Path) -> None:
        place = Path(unquote(urlsplit(run.artifact_uri).path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(artifacts)
        self._unwritten[run.run_id] = run
        self._trial_runs.add(run.run_id)
        self._writes.put(Write(run.run_id, run=run), urgent=False)


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
