"""MLflow's store after a kill: what the journals say and the last engine had not written yet.

Writes to the store gather before they are made, so a killed engine leaves runs open, runs without
their last values, and runs that are not there at all. The journals know all of it but what scripts
logged besides metrics.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from app.engine.journal import Entry
from app.engine.mlflow_file import Insistence
from app.engine.run_store import RunStore
from app.engine.run_writes import RunBatch, Write
from app.engine.sweep_runs import (
    OPEN,
    SweepRun,
    attempt_runs,
    ended_sweeps,
    experiment_of,
    now,
    open_sweep,
    sweep_word,
    trial_word,
)
from app.engine.sweeps import Earlier
from app.sweep.state import Metric, Parameters, TrialStatus

log = logging.getLogger(__name__)

Untyped = Any
"""MLflow has no types."""


@dataclass(slots=True, kw_only=True)
class EarlierRun:
    """One attempt's run as it should be.

    Attributes:
        status: MLflow's word for its end; that of an interrupted one until another is known.
        at: when the attempt ended, or when it was last heard of.
        reports: by metric, in the order of their arrival.
    """

    number: int
    parameters: Parameters
    started_at: datetime
    at: datetime
    status: str = trial_word(TrialStatus.CANCELED)
    reports: dict[str, list[Metric]] = field(default_factory=dict)


def earlier_runs(entries: Iterable[Entry]) -> dict[str, EarlierRun]:
    """The runs of all attempts that were started, by their id."""
    found: dict[str, EarlierRun] = {}
    current: dict[int, EarlierRun] = {}
    for entry in entries:
        trial, metric = entry.trial, entry.metric
        if trial is not None and trial.provider_run_id is not None and trial.started_at is not None:
            run = found.get(trial.provider_run_id)
            if run is None:
                run = found[trial.provider_run_id] = current[trial.number] = EarlierRun(
                    number=trial.number,
                    parameters=trial.parameters,
                    started_at=trial.started_at,
                    at=trial.started_at,
                )
            if trial.status.finished:
                run.status, run.at = trial_word(trial.status), trial.finished_at or run.at
        elif metric is not None and metric.trial in current:
            run = current[metric.trial]
            run.reports.setdefault(metric.name, []).append(metric)
            run.at = metric.recorded_at
    return found


def mend(store: Untyped, runs: RunStore, sweeps: Iterable[Earlier], insist: Insistence) -> None:
    """Write what is missing of sweeps that an earlier engine left.

    Args:
        store: MLflow's tracking store.
        runs: writes it.
        sweeps: all there are; those whose own run has ended have been written to the end.
        insist: does a thing again while the store cannot be used.
    """
    whole = insist(lambda: ended_sweeps(store))
    for sweep in sweeps:
        if sweep.name in whole:
            continue
        try:
            insist(partial(_mend, store, runs, sweep))
        except Exception:  # one bad sweep must not keep the others from going on
            log.exception("MLflow's records of sweep %s could not be completed", sweep.name)


def _mend(store: Untyped, runs: RunStore, sweep: Earlier) -> None:
    """Give every attempt its run, every run its values and its end."""
    entries = sweep.entries()
    own = open_sweep(store, runs, sweep.name, experiment_of(store, sweep.experiment_name()))
    there = {run.info.run_id: run for run in attempt_runs(store, sweep.name, own)}
    for run_id, earlier in earlier_runs(entries).items():
        known = there.pop(run_id, None)
        if known is None or known.info.status != earlier.status:
            new = None if known else _new(own, sweep.name, run_id, earlier)
            runs.write({run_id: _batch(store, run_id, earlier, new)})
    for run_id, run in there.items():
        # Made just before the kill, for a process of which nothing was heard.
        if run.info.status == OPEN:
            end = (trial_word(TrialStatus.CANCELED), run.info.start_time)
            runs.write({run_id: RunBatch(ends=[Write(run_id, end=end)])})
    state = next((entry.sweep for entry in reversed(entries) if entry.sweep), None)
    if state is not None and state.status.finished:
        end = (sweep_word(state.status), now())
        runs.write({own.run_id: RunBatch(ends=[Write(own.run_id, end=end)])})


def _new(own: SweepRun, sweep: str, run_id: str, earlier: EarlierRun) -> Write:
    run = own.below(
        run_id,
        sweep=sweep,
        number=earlier.number,
        parameters=earlier.parameters,
        start_time=_milliseconds(earlier.started_at),
    )
    return Write(run_id, run=run)


def _batch(store: Untyped, run_id: str, earlier: EarlierRun, new: Write | None) -> RunBatch:
    """What is still to be written of a run; what MLflow has of a metric is its beginning."""
    from mlflow.entities import Metric as Value  # noqa: PLC0415 - heavy

    values = []
    for key, reports in earlier.reports.items():
        there = [] if new else store.get_metric_history(run_id, key)
        time = max((value.timestamp for value in there), default=0)
        for report in reports[len(there) :]:
            time = max(time + 1, _milliseconds(report.recorded_at))
            values.append(Value(key, report.value, time, report.step))
    logs = [Write(run_id, log=(values, [], []))] if values else []
    end = Write(run_id, end=(earlier.status, _milliseconds(earlier.at)))
    return RunBatch(run=new, logs=logs, ends=[end])


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
