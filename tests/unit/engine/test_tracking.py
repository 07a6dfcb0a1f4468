"""What the engine writes to MLflow, read back as anyone reads it: with MlflowClient."""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.tracking import MlflowClient

from app.engine.mlflow_file import address, open_store
from app.engine.run_writes import MAX_METRICS, Write, batches, calls
from app.engine.sweep_runs import ended_sweeps
from app.engine.tracking import Tracking
from app.sweep.state import SweepStatus, TrialStatus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all, since laying it out takes seconds."""
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture
def tracking(folder: Path) -> Iterator[Tracking]:
    """Its writer."""
    made = Tracking(folder, folder / "trials.sock")
    yield made
    made.close()


def _trial(tracking: Tracking, folder: Path, sweep: str, number: int = 0) -> str:
    artifacts = folder / f"{sweep}_{number}"
    artifacts.mkdir()
    if number == 0:
        tracking.sweep_run(sweep, "an experiment", new=True)
    made = tracking.trial_run(sweep, number, parameters={"x": 1}, artifacts=artifacts)
    return made.result(timeout=60)


def _log(tracking: Tracking, run: str, *values: float, **params: str) -> Any:  # noqa: ANN401 - a future
    metrics = [Metric("loss", value, 5, 0) for value in values]
    named = [Param(key, value) for key, value in params.items()]
    return tracking.call("log_batch", (run, metrics, named, []), {}, waited=False)


def _client(folder: Path) -> MlflowClient:
    return MlflowClient(address(folder))


def test_a_run_is_what_mlflow_itself_would_have_made(tracking: Tracking, folder: Path) -> None:
    """But for id, time and name, a run under our id equals one of create_run."""
    run = _trial(tracking, folder, "like")
    tracking.call("get_run", ("0" * 32,), {}, waited=True).exception(timeout=60)
    client = _client(folder)
    ours = client.get_run(run).to_dictionary()
    tags = {k: v for k, v in ours["data"]["tags"].items() if k != "mlflow.runName"}
    made = client.create_run(
        ours["info"]["experiment_id"], ours["info"]["start_time"], tags, ours["info"]["run_name"]
    )
    theirs = client.get_run(made.info.run_id).to_dictionary()
    for each in (ours, theirs):
        each["info"]["artifact_uri"] = each["info"]["artifact_uri"].replace(
            each["info"].pop("run_id"), "ID"
        )
        each["info"].pop("run_uuid", None)
        each["info"].pop("user_id")
    assert ours == theirs


def test_what_a_script_reads_first_is_what_the_store_will_hold(
    tracking: Tracking, folder: Path
) -> None:
    """get_run is answered at once, and the same as later from the store."""
    run = _trial(tracking, folder, "first")
    opening = (run, RunStatus.RUNNING, None, None)
    assert tracking.call("update_run_info", opening, {}, waited=False).done()
    early = tracking.call("get_run", (run,), {}, waited=True)
    assert early.done()
    _log(tracking, run)
    late = tracking.call("get_run", (run,), {}, waited=True).result(timeout=60)
    assert early.result().to_dictionary() == late.to_dictionary()


def test_a_whole_trial_is_recorded(tracking: Tracking, folder: Path) -> None:
    """Parent, name, tags, params, every value, artifact root, status and times."""
    run = _trial(tracking, folder, "whole")
    for value in (3.0, 2.0, 2.0):
        _log(tracking, run, value)
    _log(tracking, run, x="1")
    tracking.call("log_batch", (run, [], [], [RunTag("colour", "blue")]), {}, waited=False)
    tracking.end_trial(run, TrialStatus.FAILED)
    tracking.end_sweep("whole", SweepStatus.COMPLETED).result(timeout=60)
    client = _client(folder)
    found = client.get_run(run)
    parent = client.get_run(found.data.tags["mlflow.parentRunId"])
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name == "whole"
    tags = {"sweepfront.sweep": "whole", "sweepfront.trial": "", "mlflow.runName": "whole"}
    assert parent.data.tags == tags
    assert (found.info.status, found.info.run_name) == ("FAILED", "whole_0")
    assert found.info.start_time <= found.info.end_time
    assert found.data.params == {"x": "1"}
    assert found.data.metrics == {"loss": 2.0}
    assert [m.value for m in client.get_metric_history(run, "loss")] == [3.0, 2.0, 2.0]
    assert found.data.tags["colour"] == "blue"
    assert found.data.tags["sweepfront.parameters"] == '{"x": 1}'
    (folder / "whole_0" / "file").write_text("kept")
    assert [each.path for each in client.list_artifacts(run)] == ["file"]


def test_many_values_are_kept_as_mlflow_keeps_them(tracking: Tracking, folder: Path) -> None:
    """Histories and latest values, of any step and value, equal those that log_batch leaves."""
    dice = random.Random(5)  # noqa: S311 - a test
    values = [0.0, -1.5, 2.25, math.nan, math.inf, -math.inf]
    runs = [_trial(tracking, folder, "many", number) for number in range(3)]
    client = _client(folder)
    for run in runs:
        logged = [
            Metric(dice.choice("abc"), dice.choice(values), 1000 + at, dice.randrange(4))
            for at in range(60)
        ]
        twin = client.create_run("0").info.run_id
        for start in range(0, 60, 7):
            part = logged[start : start + 7]
            tags = [RunTag("part", str(start))] if dice.random() < 0.2 else []
            tracking.call("log_batch", (run, part, [], tags), {}, waited=False)
            client.log_batch(twin, part)
            if dice.random() < 0.5:
                tracking.call("get_run", (run,), {}, waited=True).result(timeout=60)
        tracking.call("get_run", (run,), {}, waited=True).result(timeout=60)
        ours, theirs = client.get_run(run).data.metrics, client.get_run(twin).data.metrics
        assert ours == pytest.approx(theirs, nan_ok=True)
        for key in "abc":
            histories = [client.get_metric_history(each, key) for each in (run, twin)]
            left, right = ([(m.step, m.timestamp, str(m.value)) for m in h] for h in histories)
            assert sorted(left) == sorted(right)


def test_a_trials_run_ends_with_its_process(tracking: Tracking, folder: Path) -> None:
    """What the script says of its own run's end does not count; a name that it gives does."""
    run = _trial(tracking, folder, "own")
    _log(tracking, run, 1.0)
    tracking.call("update_run_info", (run, RunStatus.KILLED, 77, None), {}, waited=False)
    tracking.call("update_run_info", (run, RunStatus.RUNNING, None, "mine"), {}, waited=False)
    tracking.call("get_run", (run,), {}, waited=True).result(timeout=60)
    info = _client(folder).get_run(run).info
    assert (info.status, info.end_time, info.run_name) == ("RUNNING", None, "mine")
    tracking.end_trial(run, TrialStatus.COMPLETED).result(timeout=60)
    assert _client(folder).get_run(run).info.status == "FINISHED"


def test_a_write_that_mlflow_refuses_spoils_no_other(tracking: Tracking, folder: Path) -> None:
    """A param may not change; what was logged beside it is kept, each value once."""
    run = _trial(tracking, folder, "spoilt")
    wanted = [_log(tracking, run, 1.0, x="1"), _log(tracking, run, 2.0)]
    refused = _log(tracking, run, x="2")
    wanted.append(_log(tracking, run, 3.0))
    assert refused.exception(timeout=60) is not None
    assert [each.exception(timeout=60) for each in wanted] == [None] * 3
    history = _client(folder).get_metric_history(run, "loss")
    assert [metric.value for metric in history] == [1.0, 2.0, 3.0]


def test_what_is_asked_for_is_done_before_it_closes(folder: Path) -> None:
    """The queue is drained, long ones in pieces that MLflow takes."""
    writer = Tracking(folder, folder / "trials.sock")
    run = _trial(writer, folder, "drained")
    _log(writer, run, *range(2500), x="1")
    writer.end_trial(run, TrialStatus.COMPLETED)
    writer.close()
    client = _client(folder)
    assert len(client.get_metric_history(run, "loss")) == 2500
    assert client.get_run(run).info.status == "FINISHED"


_LOGS = st.lists(
    st.tuples(st.integers(0, 700), st.lists(st.sampled_from("abcdef"), max_size=3, unique=True)),
    max_size=12,
)


@given(_LOGS)
def test_logs_that_go_together_fit_into_one_call(logs: list[tuple[int, list[str]]]) -> None:
    """Nothing is lost or moved, no call is too long, and no param is twice in one call."""
    writes = [Write("r", log=([n] * n, [Param(key, "1") for key in keys], [])) for n, keys in logs]
    together = list(calls(writes))
    assert [id(write) for each in together for write in each] == [id(write) for write in writes]
    for each in together:
        parts = [write.log for write in each if write.log]
        params = [param.key for part in parts for param in part[1]]
        assert sum(len(part[0]) for part in parts) + len(params) <= MAX_METRICS
        assert len(set(params)) == len(params)


@given(st.lists(st.sampled_from(["a", "b", "work"])))
def test_other_work_comes_after_what_was_asked_for_before(order: list[str]) -> None:
    """Writes never pass it, in either direction, and keep their order within a run."""
    writes = [
        Write(work=dict) if each == "work" else Write(each, log=([], [], [])) for each in order
    ]
    seen: list[list[int]] = [[]]
    places = {id(write): place for place, write in enumerate(writes)}
    for each in batches(writes):
        if isinstance(each, Write):
            seen += [[places[id(each)]], []]
        else:
            for batch in each.values():
                inside = [places[id(write)] for write in batch.logs]
                assert inside == sorted(inside)
                seen[-1] += inside
    flat = [place for group in seen for place in sorted(group)]
    assert flat == list(range(len(writes)))


def test_a_name_that_is_given_again_has_not_ended(tracking: Tracking, folder: Path) -> None:
    """A sweep that was purged and one that goes on have a run each; an engine finds the later one."""
    for ended in (True, False):
        tracking.sweep_run("again", "an experiment", new=True)
        if ended:
            tracking.end_sweep("again", SweepStatus.COMPLETED).result(timeout=60)
            assert "again" in ended_sweeps(open_store(folder))
    tracking.sweep_run("again", "an experiment", new=False)
    artifacts = folder / "again_0"
    artifacts.mkdir()
    run = tracking.trial_run("again", 0, parameters={}, artifacts=artifacts).result(timeout=60)
    tracking.call("get_run", ("0" * 32,), {}, waited=True).exception(timeout=60)
    client = _client(folder)
    parent = client.get_run(client.get_run(run).data.tags["mlflow.parentRunId"])
    assert parent.info.status == "RUNNING"
    assert "again" not in ended_sweeps(open_store(folder))
