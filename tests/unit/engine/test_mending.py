"""What a killed engine had not written to MLflow is written from the journals, and nothing twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlflow.entities import Metric as Value
from mlflow.tracking import MlflowClient

from app.engine.journal import Entry, Journal
from app.engine.mlflow_file import address
from app.engine.sweep_state import SweepState
from app.engine.sweeps import Sweeps
from app.engine.tracking import Tracking
from app.engine.workspace import Workspace
from app.sweep.document import SweepDocument
from app.sweep.record import Submission
from app.sweep.state import Metric, SweepStatus, Trial, TrialStatus

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DOCUMENT: dict[str, object] = {
    "name": "left",
    "experiment_name": "an experiment",
    "trial": {"command": "true ${{search_space.x}}"},
    "search_space": {"x": {"type": "choice", "values": [1, 2, 3]}},
    "sampling_algorithm": {"type": "random", "seed": 1},
    "objective": {"primary_metric": "loss", "goal": "minimize"},
    "limits": {"max_total_trials": 3},
}


def _trial(number: int, run: str, status: TrialStatus, attempt: int = 1) -> Entry:
    finished_at = AT + timedelta(seconds=9) if status.finished else None
    return Entry(
        trial=Trial(
            number=number,
            attempt=attempt,
            parameters={"x": 2},
            status=status,
            provider_run_id=run,
            queued_at=AT,
            started_at=AT,
            finished_at=finished_at,
        )
    )


def _report(number: int, interval: int, attempt: int = 1) -> Entry:
    return Entry(
        metric=Metric(
            trial=number,
            attempt=attempt,
            name="loss",
            interval=interval,
            step=0,
            value=float(interval),
            recorded_at=AT,
        )
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One with a submitted sweep."""
    made = Workspace(tmp_path)
    made.create()
    document = SweepDocument.stored(DOCUMENT)
    made.write_submission(Submission(name="left", document=document, document_hash="0"))
    return made


def _run(tracking: Tracking, folder: Path, number: int, *values: float) -> str:
    """A run as the killed engine wrote it, still open."""
    artifacts = folder / f"artifacts-{number}"
    artifacts.mkdir()
    made = tracking.trial_run("left", number, parameters={"x": 2}, artifacts=artifacts)
    run = made.result(timeout=60)
    logged = [Value("loss", value, 5, 0) for value in values]
    tracking.call("log_batch", (run, logged, [], []), {}, waited=False).result(timeout=60)
    return run


@pytest.mark.parametrize("ended", [False, True])
def test_runs_values_and_ends_are_completed(workspace: Workspace, *, ended: bool) -> None:
    """Whether the sweep goes on or had ended; a second engine that starts finds nothing to do."""
    folder = workspace.folder
    killed = Tracking(folder, folder / "trials.sock")
    killed.sweep_run("left", "an experiment", new=True)
    half, interrupted, unheard = (
        _run(killed, folder, number, *values) for number, values in enumerate([(1.0,), (1.0,), ()])
    )
    killed.close()
    lost = "f" * 32
    entries = [
        Entry(sweep=SweepState(status=SweepStatus.RUNNING, started_at=AT)),
        _trial(0, half, TrialStatus.RUNNING),
        *(_report(0, interval) for interval in (1, 2, 3)),
        _trial(0, half, TrialStatus.COMPLETED),
        _trial(1, interrupted, TrialStatus.RUNNING),
        *(_report(1, interval) for interval in (1, 2)),
        Entry(trial=Trial(number=1, attempt=2, parameters={"x": 2}, queued_at=AT)),
        _trial(1, lost, TrialStatus.RUNNING, attempt=2),
        *(_report(1, interval, attempt=2) for interval in (1, 2)),
        _trial(1, lost, TrialStatus.FAILED, attempt=2),
    ]
    if ended:
        entries.append(Entry(sweep=SweepState(status=SweepStatus.COMPLETED, started_at=AT)))
    journal = Journal(workspace.journal("left"))
    for entry in entries:
        journal.append(entry)
    journal.close()
    for _ in range(2):
        tracking = Tracking(folder, folder / "trials.sock")
        tracking.mend(Sweeps(workspace).earlier()).result(timeout=60)
        tracking.close()
        _check(MlflowClient(address(folder)), (half, interrupted, unheard, lost), ended=ended)


def _check(client: MlflowClient, runs: tuple[str, str, str, str], *, ended: bool) -> None:
    found = [client.get_run(run) for run in runs]
    assert [run.info.status for run in found] == ["FINISHED", "KILLED", "KILLED", "FAILED"]
    histories = [client.get_metric_history(run, "loss") for run in runs]
    assert [[value.value for value in each] for each in histories] == [
        [1.0, 2.0, 3.0],
        [1.0, 2.0],
        [],
        [1.0, 2.0],
    ]
    assert found[0].info.end_time == (AT + timedelta(seconds=9)).timestamp() * 1000
    assert found[3].data.tags["sweepfront.parameters"] == '{"x": 2}'
    assert found[3].info.start_time == AT.timestamp() * 1000
    parents = {run.data.tags["mlflow.parentRunId"] for run in found}
    assert len(parents) == 1
    assert client.get_run(parents.pop()).info.status == ("FINISHED" if ended else "RUNNING")
