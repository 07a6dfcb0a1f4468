"""Runs of a sweep's trials, read through the workspace's MLflow endpoint."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from app.backends.azureml.parameters import DrawnFrom
from app.backends.azureml.reading import RunView
from app.backends.azureml.reports import Value
from app.backends.azureml.workspace import Untyped, Workspace

CANCELED_TAG = "sweepfront.canceled"
_PAGE = 1000
_PARAMETERS_TAG = "hyperparameters"


class Runs:
    """Reads runs; a look costs one call for every thousand trials, and one per changed metric."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._experiments: dict[str, str] = {}

    def of(self, sweep: str, experiment_name: str, space: Mapping[str, Untyped]) -> list[RunView]:
        """Every run of a trial of the sweep.

        Args:
            sweep: the job's name.
            experiment_name: the experiment in which it runs.
            space: the job's search space; it says what type a hyperparameter has.
        """
        experiment = self._experiment(experiment_name)
        if experiment is None:
            return []
        drawn_from = DrawnFrom(space)
        found: list[RunView] = []
        token = None
        while True:
            page = self._workspace.tracking.search_runs(
                [experiment],
                f"tags.mlflow.parentRunId = '{sweep}'",
                1,  # active ones
                _PAGE,
                page_token=token,
            )
            found += [view for run in page for view in _views(run, sweep, drawn_from)]
            token = page.token
            if not token:
                return found

    def history(self, run_id: str, metric: str) -> list[Value]:
        """Every value of a metric of a run, page by page: MLflow can name no point to begin at."""
        found: list[Value] = []
        token = None
        while True:
            page = self._workspace.tracking.get_metric_history(run_id, metric, page_token=token)
            found += [_value(each) for each in page]
            token = page.token
            if not token:
                return found

    def mark_canceled(self, run_id: str) -> None:
        """Write down that the trial is canceled on our request, for later looks to see."""
        from mlflow.entities import RunTag  # noqa: PLC0415 - heavy

        self._workspace.tracking.set_tag(run_id, RunTag(CANCELED_TAG, "true"))

    def unmark_canceled(self, run_id: str) -> None:
        """Take the mark back."""
        self._workspace.tracking.delete_tag(run_id, CANCELED_TAG)

    def complaint(self, name: str) -> str | None:
        """Azure's words for why a job failed, as its run history keeps them; None if it has none."""
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - heavy

        runs = self._workspace.client.jobs._runs_operations  # noqa: SLF001 - jobs show no errors
        try:
            found = runs.get_run_details(name).error
        except HttpResponseError as error:
            # The end of the sweep is told all the same.
            if error.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
                return None
            raise
        root = found.error if found is not None else None
        return str(root.message) if root is not None and root.message else None

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


def _views(run: Untyped, sweep: str, drawn_from: DrawnFrom) -> Iterator[RunView]:
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
        parameters=drawn_from.parameters(tags.get(_PARAMETERS_TAG), run.data.params),
        latest={metric.key: _value(metric) for metric in run.data._metric_objs},  # noqa: SLF001 - times are nowhere else
        canceled_by_us=tags.get(CANCELED_TAG) == "true",
    )


def _value(metric: Untyped) -> Value:
    return Value(value=float(metric.value), step=int(metric.step), at=int(metric.timestamp))


def _time(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
