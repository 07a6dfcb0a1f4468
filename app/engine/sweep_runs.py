"""A sweep in MLflow's store: a run of its own in its experiment, and one below it for each attempt."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.run_entities import USER, NewRun
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


def trial_word(outcome: TrialStatus) -> str:
    """MLflow's word for how an attempt has ended."""
    return _TRIAL_OUTCOMES.get(outcome, "KILLED")


def open_sweep(store: Untyped, sweep: str, experiment_name: str) -> SweepRun:
    """Make the sweep's run, or take up the one that is there; it is open afterwards.

    Args:
        store: MLflow's tracking store.
        sweep: the sweep's name.
        experiment_name: made, if there is no such experiment.
    """
    experiment = store.get_experiment_by_name(experiment_name)
    if experiment is None:
        experiment = store.get_experiment(store.create_experiment(experiment_name))
    own = f"tags.`{SWEEP_TAG}` = '{sweep}' AND tags.`{TRIAL_TAG}` = ''"
    run = next(_found(store, [experiment.experiment_id], own), None)
    if run is None:
        run = _create(store, experiment.experiment_id, sweep)
    elif run.info.status != OPEN:
        set_status(store, run.info.run_id, OPEN)
    return SweepRun(
        run_id=run.info.run_id,
        experiment_id=experiment.experiment_id,
        location=experiment.artifact_location,
    )


def end_sweep(store: Untyped, run_id: str, outcome: SweepStatus) -> None:
    """Give a sweep's run its end."""
    set_status(store, run_id, _SWEEP_OUTCOMES.get(outcome, "KILLED"), end_time=now())


def set_status(store: Untyped, run_id: str, word: str, *, end_time: int | None = None) -> None:
    """Give a run a status, and an end if there is one."""
    from mlflow.entities import RunStatus  # noqa: PLC0415 - heavy

    store.update_run_info(run_id, RunStatus.from_string(word), end_time, None)


def ended_sweeps(store: Untyped) -> set[str]:
    """Names of the sweeps whose own run has ended."""
    experiments = []
    token = None
    while True:
        page = store.search_experiments(max_results=_PAGE, page_token=token)
        experiments += [each.experiment_id for each in page]
        token = page.token
        if not token:
            break
    own = f"tags.`{TRIAL_TAG}` = '' AND attributes.status != '{OPEN}'"
    return {run.data.tags[SWEEP_TAG] for run in _found(store, experiments, own)}


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


def _create(store: Untyped, experiment_id: str, sweep: str) -> Untyped:
    from mlflow.entities import RunTag  # noqa: PLC0415 - heavy

    tags = [RunTag(SWEEP_TAG, sweep), RunTag(TRIAL_TAG, "")]
    return store.create_run(experiment_id, USER, now(), tags, sweep)
