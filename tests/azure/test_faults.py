"""Azure misbehaves, and no sweep is lost, doubled or told wrong."""

import itertools
import time
import uuid
from pathlib import Path

import httpx
import pytest

from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.served import Served, document, served

QUADRATIC = "python quadratic.py --x ${{search_space.x}}"
PUT_JOB = "PUT .*/jobs/"
GET_JOB = "GET .*/jobs/"
RUNS = "POST .*/runs/search"


def _completed(service: Served, name: str, *, within: float = 90) -> None:
    sweep = service.finished(name, within=within)
    assert sweep["status"] == "completed", sweep
    assert sweep["sync_error"] is None
    assert sweep["best_trial"] is not None


def _submit_many(service: Served, count: int) -> list[str]:
    prefix = f"m-{uuid.uuid4().hex[:6]}"
    limits = {"max_total_trials": 1}
    for n in range(count):
        service.submit(azure_document("true", name=f"{prefix}-{n}", code=None, limits=limits))
    return [f"{prefix}-{n}" for n in range(count)]


def _all_submitted(service: Served, names: list[str], *, within: float) -> None:
    deadline = time.monotonic() + within
    left = set(names)
    while left and time.monotonic() < deadline:
        left = {n for n in left if service.get(f"/v1/sweeps/{n}")["status"] == "submitting"}
        time.sleep(0.5)
    assert not left, service.log()[-3000:]


@pytest.mark.parametrize(("count", "seed"), [(12, 1), pytest.param(100, 2, marks=pytest.mark.slow)])
def test_lost_answers_double_nothing(
    azure_service: Served, emulator: RunningEmulator, count: int, seed: int
) -> None:
    """Answers to creations are lost at random, some after the work and some before it."""
    before = set(emulator.jobs())
    emulator.misbehave(
        {"match": PUT_JOB, "times": -1, "chance": 0.3, "seed": seed, "drop": "after"},
        {"match": PUT_JOB, "times": -1, "chance": 0.2, "seed": seed + 1, "drop": "before"},
        {"match": GET_JOB, "times": -1, "chance": 0.1, "seed": seed + 2, "status": 503},
    )
    names = _submit_many(azure_service, count)
    _all_submitted(azure_service, names, within=30 + 3 * count)
    assert len(emulator.requests(PUT_JOB)) > count, "some were tried again"
    emulator.misbehave()
    assert set(emulator.jobs()) - before == set(names)


@pytest.mark.slow
def test_a_kill_during_submission_leaves_one_job(
    tmp_path: Path, scripts: Path, emulator: RunningEmulator
) -> None:
    """The job's name was written down before the first attempt."""
    before = set(emulator.jobs())
    emulator.misbehave({"match": PUT_JOB, "times": -1, "delay": 0.3})
    with served(
        tmp_path / "data", code_root=scripts, environment=emulator.environment()
    ) as service:
        names = []
        for pause in (0.0, 0.2, 0.5):
            names += _submit_many(service, 2)
            time.sleep(pause)
            service.kill()
            service.start()
        _all_submitted(service, names, within=60)
    assert set(emulator.jobs()) - before == set(names)


@pytest.mark.slow
def test_throttling_is_obeyed(azure_service: Served, emulator: RunningEmulator) -> None:
    """429 with Retry-After: one request of the whole workspace in each window, nobody waits."""
    window = 7
    for sweep in azure_service.items("/v1/sweeps"):  # nobody else asks Azure meanwhile
        azure_service.finished(sweep["name"])
    emulator.misbehave(
        {"match": "/jobs/", "times": 2, "status": 429, "headers": {"Retry-After": str(window)}}
    )
    body = azure_document(QUADRATIC, limits={"max_total_trials": 1})
    names = [azure_service.submit(body)["name"]]
    azure_service.until(names[0], lambda sweep: sweep["sync_error"])
    for _ in range(3):
        started = time.monotonic()
        names.append(azure_service.submit(body)["name"])
        assert time.monotonic() - started < 1
    for name in names:
        _completed(azure_service, name)
    first, second, third = emulator.requests("jobs/|/mlflow/|/history/")[:3]
    assert second - first >= window
    assert third - second >= window


@pytest.mark.slow
def test_submissions_that_hang_delay_no_looks(
    tmp_path: Path, scripts: Path, emulator: RunningEmulator
) -> None:
    """A sweep that runs is looked at as before while Azure answers no creation."""
    variables = {**emulator.environment(), "SWEEPFRONT_AZURE_TIMEOUT": "3"}
    variables["SWEEPFRONT_POLL_INTERVAL"] = "2"
    with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
        slow = "python slow.py ${{search_space.x}} 600 0.05"
        name = service.submit(azure_document(slow))["name"]
        service.until(name, lambda sweep: sweep["trial_counts"]["running"] > 0)
        emulator.misbehave({"match": PUT_JOB, "times": -1, "delay": 20})
        hung = _submit_many(service, 4)
        for other in hung:
            service.until(other, lambda sweep: sweep["sync_error"], within=40)
        looks = emulator.requests(f"{GET_JOB}{name}$")
        gaps = [later - earlier for earlier, later in itertools.pairwise(looks)]
        assert max(gaps) < 2 * 2 + 1
        emulator.misbehave()
        _all_submitted(service, hung, within=60)
        emulator_jobs = emulator.jobs()
        service.client.post(f"/v1/sweeps/{name}/cancel")
        service.until(name, lambda sweep: sweep["status"] != "running")
    assert all(emulator_jobs.count(other) == 1 for other in hung)


def test_server_errors_are_waited_out(azure_service: Served, emulator: RunningEmulator) -> None:
    """The sweep keeps its state and says since when it could not be looked at."""
    name = azure_service.submit(azure_document(QUADRATIC))["name"]
    azure_service.until(name, lambda sweep: sweep["submitted_at"])
    emulator.misbehave({"match": RUNS, "times": 12, "status": 500})
    sweep = azure_service.until(name, lambda sweep: sweep["sync_error"], within=30)
    assert sweep["status"] in ("queued", "running")
    assert "500" in sweep["sync_error"]
    emulator.misbehave()
    _completed(azure_service, name)


def test_a_submission_is_noted_though_the_look_after_it_fails(
    azure_service: Served, emulator: RunningEmulator
) -> None:
    """The sweep is queued at its backend, and is not handed over again."""
    emulator.misbehave({"match": RUNS, "times": 12, "status": 500})
    name = azure_service.submit(azure_document(QUADRATIC))["name"]
    sweep = azure_service.until(name, lambda sweep: sweep["sync_error"], within=30)
    assert sweep["submitted_at"]
    assert sweep["status"] == "queued"
    emulator.misbehave()
    _completed(azure_service, name)


@pytest.mark.slow
def test_an_outage_stops_neither_local_sweeps_nor_answers(tmp_path: Path, scripts: Path) -> None:
    """The whole cloud is away for a while; its state survives, and so does the sweep."""
    emulator = RunningEmulator(tmp_path / "emulator")
    emulator.start()
    environment = emulator.environment()
    with served(tmp_path / "data", code_root=scripts, environment=environment) as service:
        slow = "python slow.py ${{search_space.x}} 60 0.05"
        name = service.submit(azure_document(slow))["name"]
        service.until(name, lambda sweep: sweep["trial_counts"]["running"] > 0)
        emulator.stop()
        service.until(name, lambda sweep: sweep["sync_error"], within=40)
        local = service.submit(
            document(QUADRATIC, {"x": {"type": "choice", "values": [1]}}, code="job")
        )["name"]
        assert service.finished(local, within=20)["status"] == "completed"
        other = service.submit(azure_document(QUADRATIC))["name"]
        health = {item["name"]: item for item in service.get("/v1/backends")["items"]}
        assert not health["azureml"]["healthy"]
        assert service.get("/readyz")["status"] == "ready"
        emulator.start()
        _completed(service, name, within=120)
        _completed(service, other, within=120)
    emulator.stop()


@pytest.mark.slow
def test_expired_tokens_are_renewed(
    tmp_path: Path, scripts: Path, emulator: RunningEmulator
) -> None:
    """Tokens that live a few seconds are no reason to fail."""
    emulator.misbehave(token_lifetime=3)
    with served(
        tmp_path / "data", code_root=scripts, environment=emulator.environment()
    ) as service:
        slow = "python slow.py ${{search_space.x}} 100 0.05"
        name = service.submit(azure_document(slow))["name"]
        _completed(service, name)


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "AzureML Data Scientist"), (400, "told to fail"), (404, "told to fail")],
)
def test_a_refusal_that_cannot_heal_fails_the_sweep_in_azures_words(
    azure_service: Served, emulator: RunningEmulator, status: int, words: str
) -> None:
    """At once, and with nothing left behind."""
    emulator.misbehave({"match": PUT_JOB, "times": -1, "status": status})
    name = azure_service.submit(azure_document(QUADRATIC))["name"]
    sweep = azure_service.finished(name, within=20)
    assert sweep["status"] == "failed"
    assert words in sweep["status_reason"]
    assert name not in emulator.jobs()


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("compute", "azureml:none", "compute none"),
        ("environment", "azureml:none:1", "environment none"),
    ],
)
def test_what_the_workspace_does_not_have_is_said(
    azure_service: Served, key: str, value: str, word: str
) -> None:
    """An unknown compute or environment is the sweep's reason."""
    body = azure_document(QUADRATIC)
    (body if key == "compute" else body["trial"])[key] = value
    sweep = azure_service.finished(azure_service.submit(body)["name"], within=20)
    assert sweep["status"] == "failed"
    assert word in sweep["status_reason"]


@pytest.mark.slow
def test_a_vanished_job_is_told_and_a_stale_read_is_not(
    azure_service: Served, emulator: RunningEmulator
) -> None:
    """One 404 is no proof; several in a row are."""
    emulator.misbehave({"match": GET_JOB, "times": 3, "every": 2, "status": 404})
    stale = azure_service.submit(azure_document(QUADRATIC))["name"]
    _completed(azure_service, stale)
    slow = "python slow.py ${{search_space.x}} 400 0.05"
    name = azure_service.submit(azure_document(slow))["name"]
    azure_service.until(name, lambda sweep: sweep["trial_counts"]["running"] > 0)
    emulator.forget(name)
    sweep = azure_service.finished(name, within=60)
    assert sweep["status"] == "failed"
    assert f"no job {name}" in sweep["status_reason"]


def test_a_disagreement_about_the_best_trial_is_an_event(
    azure_service: Served, emulator: RunningEmulator
) -> None:
    """Ours is kept."""
    body = azure_document(QUADRATIC, sampling_algorithm="grid", name=f"b-{uuid.uuid4().hex[:8]}")
    emulator.override(body["name"], properties={"best_child_run_id": f"{body['name']}_0"})
    name = azure_service.submit(body)["name"]
    _completed(azure_service, name)
    events = azure_service.get(f"/v1/sweeps/{name}/events?limit=200")["items"]
    (told,) = [event for event in events if event["type"] == "sweep.best_disagrees"]
    assert told["data"]["provider_best"] == 0
    assert told["data"]["best_trial"]["number"] == 1
    assert azure_service.get(f"/v1/sweeps/{name}")["best_trial"]["number"] == 1


def test_a_slow_cloud_slows_no_request(azure_service: Served, emulator: RunningEmulator) -> None:
    """Each call to Azure takes seconds; ours do not."""
    emulator.misbehave({"match": ".", "times": -1, "delay": 2.0})
    started = time.monotonic()
    name = azure_service.submit(azure_document(QUADRATIC))["name"]
    for path in ("/v1/sweeps", f"/v1/sweeps/{name}", "/v1/backends", "/readyz"):
        assert azure_service.client.get(path).status_code == httpx.codes.OK
    assert time.monotonic() - started < 2
    emulator.misbehave()
    _completed(azure_service, name)


def test_what_azure_says_is_logged_without_its_secrets(
    azure_service: Served, emulator: RunningEmulator
) -> None:
    """The sweep goes on, the error is counted by its kind, and the log keeps quiet."""
    words = "quota; see https://a.blob.core.windows.net/c?sv=1&sig=Sg8planted0signature and AccountKey=Ak7planted0key;"
    emulator.misbehave({"match": PUT_JOB, "times": 2, "status": 429, "message": words})
    name = azure_service.submit(azure_document(QUADRATIC))["name"]
    azure_service.until(name, lambda sweep: "quota" in str(sweep["sync_error"]))
    emulator.misbehave()
    _completed(azure_service, name)
    log = azure_service.log()
    assert "sig=[redacted]" in log
    assert "planted" not in log
    counted = 'sweepfront_backend_errors_total{backend="azureml",kind="throttled"}'
    (line,) = [
        line
        for line in azure_service.client.get("/metrics").text.splitlines()
        if line.startswith(counted)
    ]
    assert float(line.split()[-1]) >= 1
