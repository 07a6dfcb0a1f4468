"""Each trouble on the way to Azure, as the backend tells it: over the wire, without a service."""

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from app.backends.base import BackendError, Health, UnknownSweepError
from tests.azure.conftest import MakeBackend, azure_document, submission
from tests.azure_emulator.running import RunningEmulator

GET_JOB = "GET .*/jobs/"
PUT_JOB = "PUT .*/jobs/"
MLFLOW = "/api/2.0/mlflow/"
QUADRATIC = "python quadratic.py --x ${{search_space.x}}"


def _document(**more: Any) -> Any:  # noqa: ANN401 - a document
    return azure_document("true ${{search_space.x}}", code=None, **more)


def _refused(call: Any, *arguments: Any) -> BackendError:  # noqa: ANN401 - a method and its arguments
    with pytest.raises(BackendError) as caught:
        call(*arguments)
    assert "\x1b" not in caught.value.message
    return caught.value


def _healthy_within(backend: Any, condition: Any, seconds: float = 30) -> Health:  # noqa: ANN401 - a lambda
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        health: Health = backend.health()
        if condition(health):
            return health
        time.sleep(0.1)
    raise AssertionError(backend.health())


def test_a_cloud_that_the_sdk_does_not_know_is_asked_about_once(
    make_backend: MakeBackend, emulator: RunningEmulator
) -> None:
    """Not at every look, as the SDK would."""
    backend = make_backend()
    sweep = submission(_document())
    backend.submit(sweep)
    emulator.misbehave()
    for _ in range(3):
        backend.observe(sweep.name, None)
    assert len(emulator.requests(GET_JOB)) == 3
    assert not emulator.requests("/metadata/")


def test_after_a_429_the_whole_workspace_is_left_alone(
    make_backend: MakeBackend, emulator: RunningEmulator
) -> None:
    """For the time that it names, a decimal too; then one call tries, and all go on."""
    backend = make_backend()
    sweep = submission(_document())
    backend.submit(sweep)
    for match in (GET_JOB, MLFLOW):
        emulator.misbehave(
            {"match": match, "times": 1, "status": 429, "headers": {"Retry-After": "2.5"}}
        )
        error = _refused(backend.observe, sweep.name, None)
        asked = len(emulator.requests())
        assert error.retryable
        assert error.retry_after is not None
        assert 2 < error.retry_after <= 2.5
        for call in (backend.submit, backend.submit):
            assert _refused(call, submission(_document())).retryable
        assert len(emulator.requests()) == asked
        assert not backend.health().ok
        time.sleep(error.retry_after)
        backend.observe(sweep.name, None)
        assert backend.health().ok


@pytest.mark.parametrize(
    ("match", "status", "retryable", "words"),
    [
        (match, *meaning)
        for match in (GET_JOB, MLFLOW)
        for meaning in (
            (401, True, "sign-in was refused|sign-in failed"),
            (403, False, "AzureML Data Scientist"),
            (404, False, "none of it"),
            (409, True, "409"),
            (503, True, "503"),
        )
        # A job that is not there is another matter.
        if (match, meaning[0]) != (GET_JOB, 404)
    ],
)
def test_an_answer_means_the_same_from_arm_and_from_mlflow(
    make_backend: MakeBackend,
    emulator: RunningEmulator,
    match: str,
    status: int,
    *,
    retryable: bool,
    words: str,
) -> None:
    """MLflow's own client would make an internal error of most of them."""
    backend = make_backend()
    sweep = submission(_document())
    backend.submit(sweep)
    emulator.misbehave({"match": match, "times": 1, "status": status})
    error = _refused(backend.observe, sweep.name, None)
    assert error.retryable is retryable
    assert any(part in error.message for part in words.split("|")), error.message
    assert not isinstance(error, UnknownSweepError)
    backend.observe(sweep.name, None)


def test_a_token_refused_before_its_time_is_replaced(
    make_backend: MakeBackend, emulator: RunningEmulator
) -> None:
    """The cached one counts as good for an hour; the next call signs in anew."""
    backend = make_backend()
    sweep = submission(_document())
    backend.submit(sweep)
    emulator.revoke()
    assert _refused(backend.observe, sweep.name, None).retryable
    backend.observe(sweep.name, None)


@pytest.mark.parametrize("match", [GET_JOB, MLFLOW])
def test_a_request_that_is_not_answered_is_given_up(
    make_backend: MakeBackend, emulator: RunningEmulator, match: str
) -> None:
    """A real time-out, on either way; nobody is held for long."""
    backend = make_backend(timeout=0.5)
    sweep = submission(_document())
    with contextlib.suppress(BackendError):
        # On a busy machine the short time may not do for the submission.
        backend.submit(sweep)
    emulator.misbehave({"match": match, "times": -1, "delay": 5})
    started = time.monotonic()
    error = _refused(backend.observe, sweep.name, None)
    assert time.monotonic() - started < 4
    assert error.retryable
    assert "cannot be reached" in error.message


@pytest.mark.parametrize("match", [GET_JOB, MLFLOW, "POST .*/listSecrets", "GET .*/get-history"])
@pytest.mark.parametrize("drop", ["before", "after"])
def test_dropped_connections_are_tried_again(
    make_backend: MakeBackend, emulator: RunningEmulator, scripts: Path, match: str, drop: str
) -> None:
    """At once by the SDK, or by the next look."""
    backend = make_backend()
    sweep = submission(azure_document(QUADRATIC), code=scripts / "job")
    emulator.misbehave({"match": match, "times": 2, "drop": drop})
    cursor, deadline = None, time.monotonic() + 40
    for _ in range(2):
        with contextlib.suppress(BackendError):
            backend.submit(sweep)
    backend.submit(sweep)
    finished = False
    while not finished and time.monotonic() < deadline:
        try:
            snapshot = backend.observe(sweep.name, cursor)
        except BackendError as error:
            assert error.retryable
        else:
            cursor, finished = snapshot.cursor, snapshot.status.finished
        time.sleep(0.1)
    assert finished
    assert emulator.jobs().count(sweep.name) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"delay": 3.0}])
def test_a_job_whose_creation_seemed_to_fail_is_found_again(
    make_backend: MakeBackend, emulator: RunningEmulator, fault: dict[str, Any]
) -> None:
    """Azure took the job and answered 500, or nothing in time: there is one, and one PUT."""
    backend = make_backend(timeout=1.5)
    backend.observe(_submitted(backend), None)
    sweep = submission(_document())
    emulator.misbehave({"match": PUT_JOB, "times": 1, "after": True, **fault})
    with contextlib.suppress(BackendError):
        backend.submit(sweep)
    backend.submit(sweep)
    assert emulator.jobs().count(sweep.name) == 1
    assert len(emulator.requests(PUT_JOB)) <= 2


def _submitted(backend: Any) -> str:  # noqa: ANN401 - the backend
    sweep = submission(_document())
    backend.submit(sweep)
    return sweep.name


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            # Of a name that nothing in this process has asked about before.
            {
                "ARM_CLOUD_METADATA_URL": "https://nowhere.invalid/",
                "AZUREML_CURRENT_CLOUD": "another",
            },
            "ARM_CLOUD_METADATA_URL",
        ),
        ({"AZURE_AUTHORITY_HOST": "https://nowhere.invalid"}, "sign-in failed"),
        ({"AZURE_CLIENT_SECRET": "wrong"}, "sign-in failed"),
        ({"workspace": "other"}, "workspace other is not found"),
    ],
)
def test_a_wrong_setting_is_named_soon_after_the_start(
    make_backend: MakeBackend, variables: dict[str, str], words: str
) -> None:
    """Before any sweep needs it; no sweep is lost for it."""
    backend = make_backend(**variables)
    backend.start(lambda _name: None)
    health = _healthy_within(backend, lambda health: not health.ok)
    assert words in health.detail
    for call in (backend.observe, backend.submit):
        arguments: list[Any] = ["some", None] if call == backend.observe else []
        error = _refused(call, *(arguments or [submission(_document())]))
        assert error.retryable
        assert not isinstance(error, UnknownSweepError)


def test_a_right_setting_is_seen_soon_after_the_start(make_backend: MakeBackend) -> None:
    """The workspace is asked once."""
    backend = make_backend()
    backend.start(lambda _name: None)
    _healthy_within(backend, lambda health: health.detail == "the workspace answers")


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"AZURE_CLIENT_SECRET": "emulated"}, id="secret"),
        pytest.param({"AZURE_CLIENT_CERTIFICATE_PATH": "client.pem"}, id="certificate"),
        pytest.param({"AZURE_FEDERATED_TOKEN_FILE": "federated.jwt"}, id="workload identity"),
        pytest.param(
            {
                "AZURE_TENANT_ID": None,
                "AZURE_CLIENT_ID": None,
                "IDENTITY_ENDPOINT": "{base}/msi/token",
                "IDENTITY_HEADER": "only-this-machine-knows",
            },
            id="managed identity",
        ),
    ],
)
def test_each_kind_of_identity_signs_in(
    make_backend: MakeBackend, emulator: RunningEmulator, variables: dict[str, str | None]
) -> None:
    """As azure-identity finds it, with the emulated authority."""
    given = {
        name: str(emulator.folder / value) if value and "." in value[-5:] else value
        for name, value in variables.items()
    }
    if "IDENTITY_ENDPOINT" in given:
        given["IDENTITY_ENDPOINT"] = f"{emulator.base}/msi/token"
    backend = make_backend(**{"AZURE_CLIENT_SECRET": None, **given})
    sweep = submission(_document())
    backend.submit(sweep)
    backend.observe(sweep.name, None)
    assert backend.health().ok


def test_a_storage_that_refuses_names_its_own_role(
    make_backend: MakeBackend, emulator: RunningEmulator
) -> None:
    """It is another one than the workspace's."""
    backend = make_backend()
    store = "workspaceartifactstore"
    emulator.override(store, sasToken="sv=2024-11-04&sr=c&sp=r&se=2099-01-01&sig=AAAA")
    try:
        error = _refused(backend.artifacts, "some", 0)
    finally:
        emulator.override(store)
    assert "Storage Blob Data Contributor" in error.message


def test_what_the_sdk_refuses_is_final_and_harms_no_other_sweep(make_backend: MakeBackend) -> None:
    """An input that was deleted meanwhile is no outage."""
    backend = make_backend()
    inputs = {"d": {"type": "uri_file", "path": "data.csv"}}
    for _ in range(4):
        bad = submission(_document(inputs=inputs), inputs={"d": Path("/nowhere/data.csv")})
        error = _refused(backend.submit, bad)
        assert not error.retryable
        assert "data.csv" in error.message
    backend.submit(submission(_document()))
    assert backend.health().ok
