"""A sweep in MLflow's store: a run of its own in its experiment, and one below it for each attempt."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.run_entities import NewRun
from app.engine.run_store import RunStore
from app.engine.run_writes import RunBatch, Write
from app.sweep.state import SweepStatus, TrialStatus

SWEEP_TAG = "sweepfront.sweep"
TRIAL_TAG = "sweepfront.trial"
"""The trial's number; empty on the sweep's own run."""
PARAMETERS_TAG = "sweepfront.parameters"
OPEN = "RUNNING"
"""MLflow's word for a run that has not ended."""
_PARENT_TAG = "mlflow.parentRunId"
_PAGE = 1000
_ACTIVE = 1

_TRIAL_OUTCOMES = {TrialStatus.COMPLETED: "FINISHED", TrialStatus.FAILED: "FAILED"}
_SWEEP_OUTCOMES = {SweepStatus.COMPLETED: "FINISHED", SweepStatus.FAILED: "FAILED"}

Untyped = Any
"""MLflow has no types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRun:
    """A sweep's own run.

    Attributes:
        run_id: its id.
        experiment_id: of the experiment that it and its trials' runs lie in.
        location: the experiment's artifacts.
    """

    run_id: str
    experiment_id: str
    location: str

    def below(
        self,
        run_id: str,
        *,
        sweep: str,
        number: int,
        parameters: Mapping[str, object],
        start_time: int,
    ) -> NewRun:
        """The run of an attempt at a trial.

        Args:
            run_id: its id.
            sweep: the sweep's name.
            number: the trial.
            parameters: recorded as a tag, never as MLflow params: those are the script's.
            start_time: milliseconds since 1970.
        """
        return NewRun(
            run_id=run_id,
            experiment_id=self.experiment_id,
            name=f"{sweep}_{number}",
            start_time=start_time,
            artifact_uri=f"{self.location}/{run_id}/artifacts",
            tags={
                SWEEP_TAG: sweep,
                TRIAL_TAG: str(number),
                PARAMETERS_TAG: json.dumps(parameters),
                _PARENT_TAG: self.run_id,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment of MLflow's.

    Attributes:
        experiment_id: its id.
        location: its artifacts.
    """

    experiment_id: str
    location: str

    def run_of(self, sweep: str) -> NewRun:
        """A run of its own for a sweep that has none."""
        run_id = uuid.uuid4().hex
        return NewRun(
            run_id=run_id,
            experiment_id=self.experiment_id,
            name=sweep,
            start_time=now(),
            artifact_uri=f"{self.location}/{run_id}/artifacts",
            tags={SWEEP_TAG: sweep, TRIAL_TAG: ""},
        )

    def sweep_run(self, run_id: str) -> SweepRun:
        """The sweep's own run of that id."""
        return SweepRun(run_id=run_id, experiment_id=self.experiment_id, location=self.location)


def trial_word(outcome: TrialStatus) -> str:
    """MLflow's word for how an attempt has ended."""
    return _TRIAL_OUTCOMES.get(outcome, "KILLED")


def sweep_word(outcome: SweepStatus) -> str:
    """MLflow's word for how a sweep has ended."""
    return _SWEEP_OUTCOMES.get(outcome, "KILLED")


def experiment_of(store: Untyped, name: str) -> Experiment:
    """The experiment of that name; made, if there is none."""
    found = store.get_experiment_by_name(name)
    if found is None:
        found = store.get_experiment(store.create_experiment(name))
    return Experiment(experiment_id=found.experiment_id, location=found.artifact_location)


def open_sweep(store: Untyped, runs: RunStore, sweep: str, experiment: Experiment) -> SweepRun:
    """Take up the run that the sweep has, or make one; it is open afterwards.

    Args:
        store: MLflow's tracking store.
        runs: writes it.
        sweep: the sweep's name.
        experiment: of the sweep.
    """
    own = f"tags.`{SWEEP_TAG}` = '{sweep}' AND tags.`{TRIAL_TAG}` = ''"
    found = next(_found(store, [experiment.experiment_id], own), None)
    if found is None:
        new = experiment.run_of(sweep)
        write = Write(new.run_id, run=new)
        runs.write({new.run_id: RunBatch(run=write)})
        write.future.result()
        return experiment.sweep_run(new.run_id)
    if found.info.status != OPEN:
        _reopen(store, found.info.run_id)
    return experiment.sweep_run(found.info.run_id)


def ended_sweeps(store: Untyped) -> set[str]:
    """Names of the sweeps whose own run has ended; of several of one name, all have."""
    experiments = []
    token = None
    while True:
        page = store.search_experiments(max_results=_PAGE, page_token=token)
        experiments += [each.experiment_id for each in page]
        token = page.token
        if not token:
            break
    own = list(_found(store, experiments, f"tags.`{TRIAL_TAG}` = ''"))
    going_on = {run.data.tags[SWEEP_TAG] for run in own if run.info.status == OPEN}
    return {run.data.tags[SWEEP_TAG] for run in own} - going_on


def attempt_runs(store: Untyped, sweep: str, own: SweepRun) -> Iterator[Untyped]:
    """The runs of all attempts at a sweep's trials."""
    wanted = f"tags.`{SWEEP_TAG}` = '{sweep}' AND tags.`{TRIAL_TAG}` != ''"
    return _found(store, [own.experiment_id], wanted)


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _found(store: Untyped, experiments: list[str], wanted: str) -> Iterator[Untyped]:
    token = None
    while experiments:
        page = store.search_runs(experiments, wanted, _ACTIVE, _PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _reopen(store: Untyped, run_id: str) -> None:
    from mlflow.entities import RunStatus  # noqa: PLC0415 - heavy

    store.update_run_info(run_id, RunStatus.from_string(OPEN), None, None)
