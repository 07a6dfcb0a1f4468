"""What each of Azure's troubles becomes: retried, waited for, or final in Azure's own words."""

from types import SimpleNamespace
from typing import Any

import pytest
from azure.ai.ml.exceptions import MlException
from azure.core import exceptions as core
from mlflow.exceptions import MlflowException

from app.backends.azureml.circuit import OPENS_AFTER
from app.backends.azureml.errors import translated
from app.backends.azureml.workspace import Place, Workspace
from app.backends.base import BackendError

UNANSWERED = "API request to https://x failed with {}exception HTTPSConnectionPool"


def _workspace() -> Workspace:
    return Workspace(Place(subscription_id="s", resource_group="g", workspace="w"))


def _http(status: int, **headers: str) -> core.HttpResponseError:
    error = core.HttpResponseError("Azure's words")
    error.status_code = status
    error.response = SimpleNamespace(headers=headers)
    return error


def _mlflow(status: int, **headers: str) -> MlflowException:
    """An error as our client of MLflow makes it, with the answer."""
    error: Any = MlflowException("MLflow's words")
    error.response = SimpleNamespace(status_code=status, headers=headers)
    found: MlflowException = error
    return found


def _storage(status: int) -> core.HttpResponseError:
    error: Any = _http(status)
    error.error_code = "AuthorizationFailure"
    found: core.HttpResponseError = error
    return found


def _wrapped(error: Exception) -> MlException:
    """The SDK's error around another one."""
    outer = MlException("uploading failed", "uploading failed")
    outer.__cause__ = error
    return outer


def _caught(error: Exception) -> BackendError:
    with pytest.raises(BackendError) as caught, translated(_workspace()):
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
        (MlflowException(UNANSWERED.format("")), True, None, "cannot be reached"),
        (MlflowException(UNANSWERED.format("timeout ")), True, None, "cannot be reached"),
        (_mlflow(500), True, None, "500: MLflow's words"),
        (_mlflow(403), False, None, "role"),
        (_mlflow(429, **{"Retry-After": "1.5"}), True, 1.5, "429"),
        (_storage(403), False, None, "Storage Blob Data Contributor"),
        (
            MlException("\x1b[31m(x) no\x1b[39m such file", "-"),
            False,
            None,
            "job: (x) no such file",
        ),
        (_wrapped(core.ServiceRequestError("no route")), True, None, "cannot be reached: no route"),
        (_wrapped(_http(400)), False, None, "job: uploading failed"),
        (FileNotFoundError(2, "No such file"), False, None, "a file of the service"),
        (OSError(28, "No space left on device"), True, None, "a file of the service"),
        (core.IncompleteReadError("cut"), True, None, "cut off"),
    ],
)
def test_what_each_becomes(
    error: Exception, *, retryable: bool, retry_after: float | None, words: str
) -> None:
    """Retryable where time may heal it."""
    caught = _caught(error)
    assert (caught.retryable, caught.retry_after) == (retryable, retry_after)
    assert words in caught.message


def test_what_is_not_azures_passes_through() -> None:
    """An error of ours is not dressed up as the cloud's."""
    with pytest.raises(ZeroDivisionError), translated(_workspace()):
        raise ZeroDivisionError


def test_only_an_unreachable_workspace_opens_the_circuit() -> None:
    """An answer, whatever it says, is an answer."""
    workspace = _workspace()
    answers = [_http(500), MlException("no", "no"), OSError(28, "disk full")] * OPENS_AFTER
    for error in [*answers, *[core.ServiceRequestError("away")] * OPENS_AFTER]:
        assert workspace.outgoing.circuit.trouble() is None or "away" in str(
            workspace.outgoing.circuit.trouble()
        )
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
