"""Names, models, reasons and marks in the workspace, through the SDK."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from app.backends.azureml.backend import AzureBackend
from app.backends.base import BackendError, Registration
from app.sweep.record import Submission
from app.sweep.state import SweepSnapshot, SweepStatus
from tests.azure.conftest import MakeBackend, azure_document, submission
from tests.azure_emulator.running import RunningEmulator
from tests.served import Served

QUADRATIC = "python quadratic.py --x ${{search_space.x}}"


def _until(
    backend: AzureBackend, name: str, condition: Callable[[SweepSnapshot], object]
) -> SweepSnapshot:
    cursor, deadline = None, time.monotonic() + 60
    while time.monotonic() < deadline:
        snapshot = backend.observe(name, cursor)
        cursor = snapshot.cursor
        if condition(snapshot):
            return snapshot
        time.sleep(0.1)
    raise AssertionError(name)


def _run(backend: AzureBackend, wanted: Submission) -> SweepSnapshot:
    backend.submit(wanted)
    return _until(backend, wanted.name, lambda snapshot: snapshot.status.finished)


def _registration(model: str, sweep: str, trial: int) -> Registration:
    return Registration(
        model_name=model,
        sweep=sweep,
        trial=trial,
        provider_run_id=None,
        artifact_path="outputs/model.pkl",
        type="custom_model",
        description=None,
        tags={},
        lineage={"sweepfront.sweep": sweep, "sweepfront.trial": str(trial)},
    )


def test_a_name_that_another_job_has_is_refused(
    make_backend: MakeBackend, emulator: RunningEmulator, scripts: Path
) -> None:
    """Of another document, of another request of the same, or of a trial; its own is found again."""
    backend = make_backend()
    ours = submission(
        azure_document(QUADRATIC, limits={"max_total_trials": 1}),
        code=scripts / "job",
        request_id="r-1",
    )
    _run(backend, ours)
    emulator.misbehave()
    backend.submit(ours)
    trial = submission(azure_document(QUADRATIC, name=f"{ours.name}_0"), code=scripts / "job")
    for other in (
        replace(ours, document_hash="another"),
        replace(ours, request_id="r-2"),
        trial,
    ):
        with pytest.raises(BackendError, match="is taken in the workspace") as caught:
            backend.submit(other)
        assert not caught.value.retryable
    assert not emulator.requests("PUT")


def test_a_lineage_has_one_version_however_many_register_it(
    make_backend: MakeBackend, emulator: RunningEmulator, scripts: Path
) -> None:
    """Six at once in one service, and in another one beside it; another lineage is the next."""
    backends = [make_backend(), make_backend()]
    sweep = submission(azure_document(QUADRATIC, sampling_algorithm="grid"), code=scripts / "job")
    _run(backends[0], sweep)
    emulator.misbehave({"match": "PUT .*/models/", "times": -1, "delay": 0.2})
    model = f"m-{sweep.name}"
    with ThreadPoolExecutor(12) as pool:
        calls = [
            pool.submit(backends[n % 2].register, _registration(model, sweep.name, n // 6))
            for n in range(12)
        ]
        versions = [call.result().version for call in calls]
    first, second = set(versions[:6]), set(versions[6:])
    assert first | second == {"1", "2"}
    assert (len(first), len(second)) == (1, 1)
    third = backends[0].register(_registration(model, sweep.name, 0))
    assert third.version in first


def test_parallel_requests_to_register_get_one_version(azure_service: Served) -> None:
    """One makes it, the others find it; none fails."""
    body = azure_document(QUADRATIC, limits={"max_total_trials": 1})
    name = azure_service.submit(body)["name"]
    azure_service.finished(name, within=90)
    path, model = f"/v1/sweeps/{name}/register", {"model_name": f"p-{name}"}
    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(azure_service.client.post, path, json=model) for _ in range(6)]
        answers = [call.result() for call in calls]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 200, 201]
    assert {answer.json()["version"] for answer in answers} == {1}


def test_azures_words_for_a_failed_sweep_are_kept(make_backend: MakeBackend, scripts: Path) -> None:
    """They stand in the run history only."""
    backend = make_backend()
    body = azure_document("python fails.py ${{search_space.x}}", sampling_algorithm="grid")
    snapshot = _run(backend, submission(body, code=scripts / "job"))
    assert snapshot.status is SweepStatus.FAILED
    assert "the sweep failed:" in str(snapshot.status_reason)


def test_a_cancel_that_failed_leaves_no_mark(
    make_backend: MakeBackend, emulator: RunningEmulator, scripts: Path
) -> None:
    """Or a trial that a policy stops later would count as canceled by us."""
    backend = make_backend()
    body = azure_document(
        "python slow.py ${{search_space.x}} 600 0.05",
        limits={"max_total_trials": 1},
        early_termination={"type": "median_stopping", "delay_evaluation": 5000},
    )
    sweep = submission(body, code=scripts / "job")
    backend.submit(sweep)
    _until(backend, sweep.name, lambda snapshot: snapshot.metrics)
    emulator.misbehave({"match": "POST .*_0/cancel", "times": 1, "status": 400})
    with pytest.raises(BackendError, match="refuses"):
        backend.cancel_trial(sweep.name, 0)
    assert len(emulator.requests("runs/set-tag")) == 1
    assert len(emulator.requests("runs/delete-tag")) == 1
    backend.cancel(sweep.name)


def test_the_latest_environment_and_one_written_out_are_taken(
    make_backend: MakeBackend, emulator: RunningEmulator
) -> None:
    """The SDK looks the version up, and registers the other one."""
    backend = make_backend()
    inline = {"image": "mcr.microsoft.com/x", "conda_file": {"dependencies": ["python=3.11"]}}
    for environment in ("azureml:concrete_env@latest", inline):
        body = azure_document("true ${{search_space.x}}", code=None)
        body["trial"]["environment"] = environment
        sweep = submission(body)
        backend.submit(sweep)
        assert sweep.name in emulator.jobs()
    assert emulator.requests("PUT .*/environments/")
