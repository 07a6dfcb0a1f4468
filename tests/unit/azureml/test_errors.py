"""What each of Azure's troubles becomes: retried, waited for, or final in Azure's own words."""

from types import SimpleNamespace

import pytest
from azure.core import exceptions as core
from mlflow.exceptions import MlflowException, RestException

from app.backends.azureml.circuit import OPENS_AFTER
from app.backends.azureml.errors import MissingError, translated
from app.backends.azureml.workspace import Place, Workspace
from app.backends.base import BackendError, UnknownSweepError

UNANSWERED = "API request to https://x failed with exception HTTPSConnectionPool"


def _workspace() -> Workspace:
    return Workspace(Place(subscription_id="s", resource_group="g", workspace="w"))


def _http(status: int, **headers: str) -> core.HttpResponseError:
    error = core.HttpResponseError("Azure's words")
    error.status_code = status
    error.response = SimpleNamespace(headers=headers)
    return error


def _caught(error: Exception, *, sweep: str | None = None) -> BackendError:
    with pytest.raises(BackendError) as caught, translated(_workspace(), sweep=sweep):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "retryable", "retry_after", "words"),
    [
        (_http(400), False, None, "refuses: Azure's words"),
        (_http(401), True, None, "sign-in"),
        (_http(403), False, None, "AzureML Data Scientist"),
        (_http(408), True, None, "408"),
        (_http(409), True, None, "409"),
        (_http(429, **{"Retry-After": "7"}), True, 7.0, "429"),
        (_http(429, **{"Retry-After": "soon"}), True, None, "429"),
        (_http(500), True, None, "500"),
        (_http(503, **{"Retry-After": "3"}), True, 3.0, "503"),
        (core.ClientAuthenticationError("expired"), True, None, "sign-in failed: expired"),
        (core.ServiceRequestError("no such host"), True, None, "cannot be reached"),
        (core.ServiceResponseError("hung up"), True, None, "cannot be reached"),
        (ConnectionResetError("gone"), True, None, "cannot be reached"),
        (MlflowException(UNANSWERED), True, None, "cannot be reached"),
        (RestException({"error_code": "INTERNAL_ERROR", "message": "m"}), True, None, "500"),
        (RestException({"error_code": "PERMISSION_DENIED", "message": "m"}), False, None, "role"),
    ],
)
def test_what_each_becomes(
    error: Exception, *, retryable: bool, retry_after: float | None, words: str
) -> None:
    """Retryable where time may heal it."""
    caught = _caught(error)
    assert (caught.retryable, caught.retry_after) == (retryable, retry_after)
    assert words in caught.message


def test_a_404_means_the_job_or_what_the_job_names() -> None:
    """It depends on what was asked for."""
    assert isinstance(_caught(_http(404), sweep="s"), UnknownSweepError)
    assert isinstance(_caught(_http(404)), MissingError)


def test_what_is_not_azures_passes_through() -> None:
    """An error of ours is not dressed up as the cloud's."""
    with pytest.raises(ZeroDivisionError), translated(_workspace()):
        raise ZeroDivisionError


def test_only_an_unreachable_workspace_opens_the_circuit() -> None:
    """An answer, whatever it says, is an answer."""
    workspace = _workspace()
    for error in [_http(500)] * OPENS_AFTER + [core.ServiceRequestError("away")] * OPENS_AFTER:
        assert workspace.circuit.trouble() is None or "away" in str(workspace.circuit.trouble())
        with pytest.raises(BackendError), translated(workspace):
            raise error
    with pytest.raises(BackendError, match="away"), translated(workspace):
        raise AssertionError


def test_a_refused_token_is_not_used_again() -> None:
    """The next call signs in anew."""
    workspace = _workspace()
    before = workspace.credential
    with pytest.raises(BackendError), translated(workspace):
        raise _http(401)
    assert workspace.credential is not before
