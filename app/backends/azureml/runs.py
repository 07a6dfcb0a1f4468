"""Runs of a sweep's trials, read through the workspace's MLflow endpoint."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from app.backends.azureml.reading import RunView, Value
from app.backends.azureml.workspace import Untyped, Workspace
from app.sweep.search_space import Scalar
from app.sweep.state import Parameters

CANCELED_TAG = "sweepfront.canceled"
_PAGE = 1000
_PARAMETERS_TAG = "hyperparameters"


class Runs:
    """Reads runs; a look costs one call for every thousand trials, and one per changed metric."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._experiments: dict[str, str] = {}

    def of(self, sweep: str, experiment_name: str, names: Sequence[str]) -> list[RunView]:
        """Every run of a trial of the sweep.

        Args:
            sweep: the job's name.
            experiment_name: the experiment in which it runs.
            names: the hyperparameters, to tell them from other parameters that a script logs.
        """
        experiment = self._experiment(experiment_name)
        if experiment is None:
            return []
        found = []
        token = None
        while True:
            page = self._workspace.tracking.search_runs(
                [experiment],
                f"tags.mlflow.parentRunId = '{sweep}'",
                1,  # active ones
                _PAGE,
                page_token=token,
            )
            found += [view for run in page for view in _views(run, sweep, names)]
            token = page.token
            if not token:
                return found

    def history(self, run_id: str, metric: str) -> list[Value]:
        """Every value of a metric of a run."""
        found = self._workspace.tracking.get_metric_history(run_id, metric)
        return [_value(each) for each in found]

    def mark_canceled(self, run_id: str) -> None:
        """Write down that the trial is canceled on our request, for later looks to see."""
        from mlflow.entities import RunTag  # noqa: PLC0415 - heavy

        self._workspace.tracking.set_tag(run_id, RunTag(CANCELED_TAG, "true"))

    def _experiment(self, name: str) -> str | None:
        known = self._experiments.get(name)
        if known is None:
            found = self._workspace.tracking.get_experiment_by_name(name)
            if found is None:
                return None
            known = self._experiments[name] = str(found.experiment_id)
        return known


def trial_number(sweep: str, run_id: str) -> int | None:
    """The trial of a run named {sweep}_{number}; None for any other name."""
    rest = run_id.removeprefix(f"{sweep}_")
    return int(rest) if rest != run_id and rest.isascii() and rest.isdigit() else None


def _views(run: Untyped, sweep: str, names: Sequence[str]) -> Iterator[RunView]:
    number = trial_number(sweep, run.info.run_id)
    if number is None:
        return
    tags: Mapping[str, str] = run.data.tags
    yield RunView(
        number=number,
        run_id=run.info.run_id,
        status=run.info.status,
        started_at=_time(run.info.start_time),
        finished_at=_time(run.info.end_time),
        parameters=_parameters(tags.get(_PARAMETERS_TAG), run.data.params, names),
        latest={metric.key: _value(metric) for metric in run.data._metric_objs},  # noqa: SLF001 - times are nowhere else
        canceled_by_us=tags.get(CANCELED_TAG) == "true",
    )


def _parameters(tag: str | None, params: Mapping[str, str], names: Sequence[str]) -> Parameters:
    """What was drawn: the run's tag, else what the run has as parameters of these names."""
    try:
        drawn = json.loads(tag) if tag else {}
    except ValueError:
        drawn = {}
    if isinstance(drawn, dict) and drawn:
        flat = {str(name).lstrip("-"): value for name, value in drawn.items()}
        return {name: _scalar(value) for name, value in flat.items()}
    return {name: _scalar(params[name]) for name in names if name in params}


def _scalar(value: object) -> Scalar:
    """A drawn value; texts that are numbers, as parameters are, become numbers."""
    if isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        return json.dumps(value)
    for read in (int, float):
        try:
            number: int | float = read(value)
        except ValueError:
            continue
        return number if math.isfinite(number) else value
    return value


def _value(metric: Untyped) -> Value:
    return Value(value=float(metric.value), step=int(metric.step), at=int(metric.timestamp))


def _time(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
