"""Azure's troubles as ours: what may heal is retryable, what cannot keeps Azure's own words."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from app.backends.azureml.outgoing import retry_after
from app.backends.azureml.workspace import Workspace
from app.backends.base import BackendError, ErrorKind, UnknownSweepError
from app.sweep.errors import SweepfrontError

_WORKSPACE_ROLE = "'AzureML Data Scientist' on the workspace"
_STORAGE_ROLE = "'Storage Blob Data Contributor' on the workspace's storage account"
_LONGEST = 1000
_SDK = ("azure.ai.ml", "marshmallow", "msrest")
_NETWORK = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError)
_LOCAL_AND_FINAL = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class MissingError(BackendError):
    """Azure has no such thing: compute, environment, asset."""

    _kind = "missing"


class _SettingError(BackendError):
    """Azure answers, but a setting of the service or a role of its identity is wrong."""

    _kind: ClassVar[ErrorKind | None] = "setting"


class _SignInError(_SettingError):
    """The token was refused, or none could be had."""

    _kind = "sign_in"


class _UnreachableError(BackendError):
    """Nobody answered at all."""

    _kind = "unreachable"


@contextmanager
def translated(workspace: Workspace) -> Iterator[None]:
    """Run calls to Azure; their errors leave as BackendError.

    Args:
        workspace: which is called; its circuit learns whether it could be reached.

    Raises:
        BackendError: the circuit is open, or a call failed.
    """
    workspace.load_libraries()
    with workspace.outgoing.call():
        try:
            yield
        except UnknownSweepError as error:
            _raise(workspace, error)
        except SweepfrontError:
            raise
        except Exception as error:
            found = _translate(error)
            if found is None:
                raise
            _raise(workspace, found)
        else:
            workspace.outgoing.circuit.reached()


def _raise(workspace: Workspace, found: BackendError) -> None:
    """Tell the circuit, and raise; a 404 may mean that the workspace itself is not there."""
    circuit = workspace.outgoing.circuit
    if isinstance(found, MissingError | UnknownSweepError):
        found = _missing_workspace(workspace) or found
    if isinstance(found, _SignInError):
        workspace.sign_in_again()
    if isinstance(found, _UnreachableError):
        circuit.failed(found.message)
    else:
        circuit.reached(found.message if isinstance(found, _SettingError) else "")
    raise found from found.__cause__


def _missing_workspace(workspace: Workspace) -> BackendError | None:
    """Why nothing can be found: no workspace, or it cannot be asked now; None if it is there."""
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - heavy

    place = workspace.place
    try:
        workspace.client.workspaces.get(place.workspace)
    except ResourceNotFoundError as error:
        return _SettingError(
            f"the workspace {place.workspace} is not found in the resource group "
            f"{place.resource_group} of the subscription {place.subscription_id}; check "
            f"SWEEPFRONT_AZURE_WORKSPACE and its like: {_words(error)}",
            retryable=True,
        )
    except Exception as error:  # noqa: BLE001 - only what may heal matters here
        found = _translate(error)
        return found if found is not None and found.retryable else None
    return None


def _translate(error: BaseException) -> BackendError | None:
    """What the error means; None for one that is neither Azure's nor MLflow's."""
    found = _meaning(error)
    if found is not None:
        found.__cause__ = error
    return found


def _meaning(error: BaseException) -> BackendError | None:
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415 - heavy, loaded by the caller
    from azure.core import exceptions as core  # noqa: PLC0415 - likewise
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - likewise

    words = _words(error)
    if isinstance(error, BackendError):
        return error
    # Before AzureError, of which the SDK's own refusals are a kind.
    if isinstance(error, MlException) or type(error).__module__.startswith(_SDK):
        return _of_sdk(error, words)
    if isinstance(error, core.HttpResponseError):
        return _of_response(error, words)
    if isinstance(error, (core.ServiceRequestError, core.ServiceResponseError, *_NETWORK)):
        return _UnreachableError(f"Azure cannot be reached: {words}", retryable=True)
    if isinstance(error, OSError):
        if type(error).__module__.startswith(("requests", "urllib3")):
            return _UnreachableError(f"Azure cannot be reached: {words}", retryable=True)
        heals = not isinstance(error, _LOCAL_AND_FINAL)
        return BackendError(f"a file of the service cannot be used: {words}", retryable=heals)
    if isinstance(error, MlflowException):
        return _of_mlflow(error, words)
    if isinstance(error, core.AzureError):
        return BackendError(f"Azure's client failed: {words}", retryable=True)
    return _meaning(error.__cause__) if error.__cause__ is not None else None


def _of_sdk(error: BaseException, words: str) -> BackendError:
    """The SDK refuses for good, unless trouble on the way to Azure made it."""
    if words.startswith("Unknown cloud environment"):
        return _UnreachableError(
            f"the cloud's description at ARM_CLOUD_METADATA_URL cannot be read: {words}",
            retryable=True,
        )
    below = error.__cause__ or error.__context__
    found = _meaning(below) if below is not None else None
    if found is not None and found.retryable:
        return found
    return BackendError(f"Azure ML's SDK refuses the job: {words}")


def _of_response(error: BaseException, words: str) -> BackendError:
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - heavy

    status = getattr(error, "status_code", None) or 0
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    if isinstance(error, ClientAuthenticationError) and status != 403:  # noqa: PLR2004 - forbidden
        return _SignInError(f"Azure sign-in failed: {words}", retryable=True)
    # Only the clients of Azure's storage give their errors a code of their own.
    role = _STORAGE_ROLE if getattr(error, "error_code", None) else _WORKSPACE_ROLE
    return _of_status(status, words, headers, role)


def _of_mlflow(error: BaseException, words: str) -> BackendError:
    """With the answer that our client keeps; without one there was none."""
    response = getattr(error, "response", None)
    if response is not None:
        return _of_status(response.status_code, words, response.headers, _WORKSPACE_ROLE)
    if words.startswith("API request to"):
        return _UnreachableError(
            f"the workspace's MLflow cannot be reached: {words}", retryable=True
        )
    return BackendError(f"MLflow's client failed: {words}", retryable=True)


def _of_status(status: int, words: str, headers: Mapping[str, str], role: str) -> BackendError:
    match status:
        case _ if status < 400:  # noqa: PLR2004 - a good answer, if it had all come
            return BackendError(f"Azure's answer was cut off: {words}", retryable=True)
        case 401:
            return _SignInError(f"Azure sign-in was refused: {words}", retryable=True)
        case 403:
            return _SettingError(
                f"the service's identity may not do this; give it the role {role}: {words}"
            )
        case 404:
            return MissingError(f"Azure has none of it: {words}")
        case _ if status in (408, 409, 429) or status >= 500:  # noqa: PLR2004 - HTTP's classes
            return BackendError(
                f"Azure answered {status}: {words}",
                retryable=True,
                retry_after=retry_after(headers),
                kind="throttled" if status == 429 else None,  # noqa: PLR2004 - HTTP's number
            )
        case _:
            return BackendError(f"Azure ML refuses: {words}")


def _words(error: BaseException) -> str:
    text = _COLOURS.sub("", str(getattr(error, "message", error)))
    lines = [line.strip() for line in text.splitlines()]
    return " ".join(line for line in lines if line)[:_LONGEST] or type(error).__name__
