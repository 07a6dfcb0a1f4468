"""What the client reads of a sweep: trials, their reports and files, models, events, backends."""

import math
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import pandas as pd
import pytest

from sweepfront import AnswerError, Client, MissingLibraryError, RefusedError, SweepHandle
from tests.client.conftest import quadratic
from tests.client.proxy import Proxy
from tests.served import document


def test_trials_become_a_data_frame(finished: SweepHandle) -> None:
    """A row for each, hyperparameters and metrics as columns, times as times."""
    trials = finished.trials()
    frame = trials.to_pandas()
    assert list(frame.index) == [0, 1, 2, 3, 4]
    assert frame.index.name == "number"
    assert list(frame.columns[:4]) == ["status", "objective_value", "parameters.x", "metrics.loss"]
    assert list(frame["parameters.x"]) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert frame["objective_value"].idxmin() == 2
    assert frame.loc[2, "metrics.loss"] == 0.5
    assert isinstance(frame["started_at"].dtype, pd.DatetimeTZDtype)
    assert (frame["duration_seconds"] > 0).all()
    assert len(trials[1:3].to_pandas()) == 2
    assert repr(trials) == f"<5 trials of {finished.name}>"


def test_no_trials_are_a_frame_with_the_same_columns(finished: SweepHandle) -> None:
    """So that what follows need not ask."""
    none = finished.trials(status="failed").to_pandas()
    assert none.empty
    assert {"status", "objective_value", "duration_seconds"} <= set(none.columns)


def test_without_pandas_the_error_names_it(
    finished: SweepHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And how to install it; everything else works without it."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    trials = finished.trials(sort="objective")
    assert trials[0].number == 2
    with pytest.raises(MissingLibraryError, match="pip install pandas") as missing:
        trials.to_pandas()
    assert isinstance(missing.value, ImportError)


def test_a_trial_has_reports_decisions_logs_and_files(client: Client, tmp_path: Path) -> None:
    """Each read to its end, however many pages it has."""
    command = "sh -c 'echo first; echo second; python fast.py; echo kept > outputs/kept.txt'"
    body = document(command, {}, code="job", early_termination={"type": "median_stopping"})
    body |= {"search_space": {"x": {"type": "choice", "values": [1]}}}
    body["limits"] = {"max_total_trials": 1}
    handle = client.submit(body).wait(progress=False)
    metrics = handle.metrics(0, "loss")
    assert [metric.interval for metric in metrics] == list(range(1, 1001))
    assert handle.metrics(0, "other") == []
    decisions = handle.decisions(0)
    assert len(decisions) == 1000
    assert decisions[0].verdict == "continue"
    assert assert_type(handle.log(0), str) == "first\nsecond\n"
    assert handle.log(0, "stdout", tail=1) == "second\n"
    lines = assert_type(handle.log(0, follow=True), Iterator[str])
    assert list(lines) == ["first", "second"]
    assert handle.log(0, "stderr") == ""
    assert "outputs/kept.txt" in [artifact.path for artifact in handle.artifacts(0)]
    assert handle.download(0, "outputs/kept.txt", tmp_path) == tmp_path / "kept.txt"
    assert handle.download(0, "outputs/kept.txt", tmp_path / "other").read_text() == "kept\n"
    with pytest.raises(RefusedError, match="404"):
        handle.download(0, "outputs/none.txt", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.txt", "other"]


def test_a_log_is_followed_until_the_trial_ends(client: Client, scripts: Path) -> None:
    """Line by line, as they are printed."""
    (scripts / "job" / "prints.py").write_text(
        "import mlflow, time\n"
        "for step in range(3):\n    print('step', step, flush=True)\n    time.sleep(0.2)\n"
        "mlflow.log_metric('loss', 1)\n"
    )
    body = quadratic(trial={"command": "python prints.py", "code": "job"})
    handle = client.submit(body)
    while not handle.trials():
        pass
    assert list(handle.log(0, follow=True)) == ["step 0", "step 1", "step 2"]
    handle.wait(progress=False)


def test_the_best_model_is_registered_read_and_downloaded(
    client: Client, finished: SweepHandle, tmp_path: Path
) -> None:
    """Once, however often it is asked for; a gate refuses with its figures."""
    first = finished.register(model_name="client-model", type="custom_model", tags={"by": "test"})
    again = finished.register(model_name="client-model")
    assert (first.version, again.version, first.trial) == (1, 1, 2)
    assert first.objective.value == 0.5
    assert first.tags["by"] == "test"
    with pytest.raises(RefusedError, match="The gate refuses") as refused:
        finished.register(model_name="client-model", trial=1, gate={"min_improvement": 1.0})
    assert refused.value.status == 409
    assert refused.value.facts["gate"]["version"] == 1
    assert "client-model" in [model.name for model in client.models()]
    assert [version.version for version in client.model("client-model")] == [1]
    assert client.download_model("client-model", 1, tmp_path) == tmp_path / "model.pkl"
    assert (tmp_path / "model.pkl").read_text() == "0.3"


def test_a_damaged_model_is_not_written(
    finished: SweepHandle, proxy: Proxy, tmp_path: Path
) -> None:
    """The file appears when its checksum is that of the version, or not at all."""
    finished.register(model_name="client-damaged")
    proxy.alter = lambda body: {**body, "sha256": "0" * 64}
    with Client(proxy.url) as client, pytest.raises(AnswerError, match="is damaged"):
        client.download_model("client-damaged", 1, tmp_path / "model.pkl")
    assert list(tmp_path.iterdir()) == []


def test_code_is_uploaded_and_runs(client: Client, scripts: Path, tmp_path: Path) -> None:
    """As tar.gz or zip, from a path or an open file; the same content has the same name."""
    shutil.copy(scripts / "job" / "quadratic.py", tmp_path / "mine.py")
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "mine.py", "mine.py")
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "mine.py").rename(folder / "mine.py")
    zipped = shutil.make_archive(str(tmp_path / "code"), "zip", folder)
    name = client.upload(tmp_path / "code.tar.gz")
    assert name.startswith("upload:")
    assert client.upload(zipped) == name
    with Path(zipped).open("rb") as file:
        assert client.upload(file, kind="zip") == name
    trial = {"command": "python mine.py --x ${{search_space.x}}", "code": name}
    assert client.submit(quadratic(trial=trial)).wait(progress=False).status == "completed"


def test_events_are_read_page_by_page(client: Client, finished: SweepHandle) -> None:
    """Of a sweep and of all; those after an id only."""
    events = list(finished.events())
    assert events[0].data["status"] == "submitting"
    assert {event.sweep for event in events} == {finished.name}
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert list(finished.events(after=events[2].id)) == events[3:]
    assert events[-1] in list(client.events(after=events[-2].id))


@pytest.mark.parametrize(
    "kind",
    ["history", "parallel-coordinates", "learning-curves", "importance", "slice", "timeline"],
)
def test_each_view_is_axes_and_series(finished: SweepHandle, kind: str) -> None:
    """Rows with a column for each axis; later only what has changed since."""
    view = finished.view(kind)
    assert (view.view, view.sweep, view.complete) == (kind, finished.name, True)
    names = {axis.name for axis in view.axes}
    assert view.series
    for series in view.series:
        assert set(series.axes) <= names
        frame = pd.DataFrame(series.points, columns=series.axes)
        assert len(frame) == len(series.points) > 0
    assert finished.view(kind, after=view.next_after).next_after == view.next_after


def test_a_view_takes_its_options(finished: SweepHandle) -> None:
    """And an unknown one is refused with those that there are."""
    curves = finished.view("learning-curves", metric="loss", points=2)
    assert {series.trial for series in curves.series} >= {0, 1, 2, 3, 4}
    with pytest.raises(RefusedError, match="choose among: history"):
        finished.view("nonsense")


def test_backends_tell_what_they_can_do(client: Client) -> None:
    """The local one is there."""
    local = next(backend for backend in client.backends() if backend.name == "local")
    assert local.healthy
    assert "bayesian" in local.sampling_algorithms


def test_figures_that_json_lacks_are_read(client: Client) -> None:
    """NaN arrives as NaN."""
    body = quadratic(trial={"command": "python nan.py nan", "code": "job"})
    handle = client.submit(body).wait(progress=False)
    trial = handle.trials()[0]
    assert trial.objective_status == "not_finite"
    assert math.isnan(trial.metrics["loss"])
