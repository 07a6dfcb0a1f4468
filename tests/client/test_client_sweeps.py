"""Sweeps through the Python client: submitted in every form, waited for, ended, going on."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from sweepfront import Client, RefusedError, SweepHandle, WaitTimeoutError
from tests.client.conftest import quadratic, url_of
from tests.served import ROOT, Served, slow_sweep


def test_a_sweep_runs_to_its_end_with_progress_in_words(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each change where there is no terminal; the handle knows the end."""
    handle = client.submit(quadratic())
    assert not handle.sweep.finished
    assert handle.wait() is handle
    assert handle.status == "completed"
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith(f"{handle.name}: 5/5 trials ended; 5 completed, best 0.5 (trial 2)")
    assert len(set(lines)) == len(lines)
    best = handle.best
    assert best is not None
    assert (best.number, best.parameters) == (2, {"x": 0.3})
    assert handle.name in httpx.get(handle.dashboard_url).text
    assert repr(handle) == (
        f"<sweep {handle.name} completed: 5/5 trials ended; 5 completed, best 0.5 (trial 2)>"
    )


def test_a_terminal_shows_a_bar(service: Served, finished: SweepHandle) -> None:
    """The same call; what it prints to decides."""
    code = f"from sweepfront import Client; Client().sweep({finished.name!r}).wait()"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "SWEEPFRONT_URL": url_of(service), "TERM": "xterm", "COLUMNS": "150"},
        stdout=theirs,
    ):
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while block := os.read(ours, 4096):
                shown += block
    os.close(ours)
    assert "5/5" in shown.decode()
    assert "━" in shown.decode()


def test_a_document_is_an_object_a_text_or_a_file(client: Client, tmp_path: Path) -> None:
    """All the same sweep, under the name that is given with it."""
    body = quadratic()
    text = "# a comment\n" + yaml.safe_dump({**body, "name": "another"})
    as_yaml, as_json = tmp_path / "sweep.yaml", tmp_path / "sweep.json"
    as_yaml.write_text(text)
    as_json.write_text(json.dumps(body))
    name = f"client-forms-{os.getpid()}"
    handles = [client.submit(each, name=name) for each in (body, text, as_yaml, as_json)]
    assert {handle.name for handle in handles} == {name}
    assert {handle.sweep.created_at for handle in handles} == {handles[0].sweep.created_at}
    with pytest.raises(RefusedError, match="409"):
        client.submit({**body, "description": "another"}, name=name)
    with pytest.raises(ValueError, match=r"write Path\('sweep.yaml'\)"):
        client.submit("sweep.yaml")
    with pytest.raises(RefusedError, match="must be an object"):
        client.submit("- 1\n- 2", name=name)


def test_what_yaml_means_is_left_to_the_service(client: Client) -> None:
    """A name is put in without reading the rest: repeated keys are still refused, 1e-4 a number."""
    text = yaml.safe_dump(quadratic()).replace("0.1", "1e-4")
    name = f"client-yaml-{os.getpid()}"
    space = client.submit(text, name=name).sweep.document["search_space"]
    assert space["x"]["values"][0] == 0.0001
    with pytest.raises(RefusedError, match="'objective' stands twice"):
        client.submit(text + "objective: {}\n", name=f"{name}-2")


def test_the_same_key_is_the_same_sweep_and_none_is_a_new_one(client: Client) -> None:
    """A key of one's own survives a restart of one's program."""
    key = f"key-{os.getpid()}"
    first, second = (client.submit(quadratic(), idempotency_key=key) for _ in range(2))
    assert first.name == second.name
    assert client.submit(quadratic()).name != first.name


def test_sweeps_are_listed_and_filtered(client: Client, finished: SweepHandle) -> None:
    """The newest first, as handles."""
    found = list(client.sweeps(experiment_name="client", status="completed", tag="team:a<b"))
    assert [each.name for each in found] == [finished.name]
    assert client.sweep(finished.name).sweep == found[0].sweep
    later = datetime.now(UTC) + timedelta(hours=1)
    assert list(client.sweeps(created_after=later)) == []
    assert len(list(client.sweeps(limit=1, sort="name"))) == 1


def test_waiting_ends_with_its_time_and_a_canceled_sweep_goes_on(client: Client) -> None:
    """The time-out is Python's own kind too; resume and wait go together."""
    handle = client.submit(slow_sweep(2, 1000, 0.01))
    with pytest.raises(TimeoutError, match="has not ended within") as late:
        handle.wait(progress=False, timeout=0.2)
    assert isinstance(late.value, WaitTimeoutError)
    assert handle.cancel().status == "canceling"
    assert handle.wait(progress=False).status == "canceled"
    with pytest.raises(RefusedError) as refused:
        handle.cancel()
    assert refused.value.type == "/v1/problems/conflict"
    assert handle.resume(max_total_trials=2, timeout=1).status == "running"
    assert handle.wait(progress=False).sweep.document["limits"]["timeout"] == 1
    handle.delete(purge=True)
    with pytest.raises(RefusedError, match="404"):
        handle.refresh()


def test_a_trial_runs_again_and_the_wait_is_for_it(client: Client) -> None:
    """Although the handle knows the sweep as completed."""
    handle = client.submit(quadratic()).wait(progress=False)
    assert handle.retry(1).attempt == 2
    assert handle.wait(progress=False).status == "completed"
    assert handle.trial(1).attempt == 2


def test_one_trial_is_canceled(client: Client) -> None:
    """The other completes the sweep."""
    handle = client.submit(slow_sweep(2, 40, 0.05))
    while handle.refresh().sweep.trial_counts.running < 2:
        pass
    handle.cancel_trial(0)
    assert handle.wait(progress=False).status == "completed"
    assert [trial.status for trial in handle.trials()] == ["canceled", "completed"]


def test_a_failed_sweep_is_waited_for_like_any_other(client: Client) -> None:
    """Its status tells; there is nothing to register then."""
    handle = client.submit(quadratic(trial={"command": "python fails.py", "code": "job"}))
    assert handle.wait(progress=False).status == "failed"
    assert handle.best is None
    assert "no such luck" in handle.sweep.failures[0].message
    with pytest.raises(RefusedError, match="has no best trial"):
        handle.register()


def test_a_preview_costs_nothing(client: Client) -> None:
    """The first trials with their commands, from any form of document."""
    preview = client.preview(yaml.safe_dump(quadratic()), trials=2)
    assert preview.cardinality == 5
    assert [trial.parameters for trial in preview.trials] == [{"x": 0.1}, {"x": 0.2}]
    assert "--x 0.2" in preview.trials[1].command
    assert preview.normalized["type"] == "sweep"


def test_a_replay_tells_what_a_policy_would_have_stopped(finished: SweepHandle) -> None:
    """With its defaults filled in."""
    found = finished.replay({"type": "bandit", "slack_factor": 0.1})
    assert found.policy["type"] == "bandit"
    assert found.winner is not None
    assert found.winner.number == 2


def test_the_quick_start_of_the_documentation_runs(
    service: Served, scripts: Path, tmp_path: Path
) -> None:
    """As it is printed, in a folder like the repository's."""
    shutil.copytree(ROOT / "trial_code", scripts / "trial_code", dirs_exist_ok=True)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    (tmp_path / "start.py").write_text(page.split("```python\n")[1].split("```")[0])
    done = subprocess.run(
        [sys.executable, "start.py"],
        cwd=tmp_path,
        env={**os.environ, "SWEEPFRONT_URL": url_of(service), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "completed BestTrial(number=" in done.stdout
    assert "KNeighborsRegressor" in done.stdout
    assert (tmp_path / "model.pkl").stat().st_size > 0
