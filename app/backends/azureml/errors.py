"""Azure's troubles as ours: what may heal is retryable, what cannot keeps Azure's own words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from app.backends.azureml.workspace import Workspace
from app.backends.base import BackendError, UnknownSweepError
from app.sweep.errors import SweepfrontError

_FORBIDDEN = (
    "the service's identity may not do this in the workspace; give it the role "
    "'AzureML Data Scientist' there"
)
_LONGEST = 1000
_SDK = ("azure.ai.ml", "marshmallow", "msrest")


class MissingError(BackendError):
    """Azure has no such thing: workspace, compute, environment, asset."""

    code = "backend-error"


@contextmanager
def translated(workspace: Workspace, *, sweep: str | None = None) -> Iterator[None]:
    """Run calls to Azure; their errors leave as BackendError.

    Args:
        workspace: which is called; its circuit learns whether it could be reached.
        sweep: the job that the calls are about; a 404 then means that Azure lost it.

    Raises:
        BackendError: the circuit is open, or a call failed.
    """
    workspace.load_libraries()
    circuit = workspace.circuit
    circuit.check()
    try:
        yield
    except SweepfrontError:
        raise
    except Exception as error:
        found = _translate(error, sweep)
        if found is None:
            raise
        if isinstance(found, _SignInError):
            workspace.sign_in_again()
        if isinstance(found, _UnreachableError):
            circuit.failed(found.message)
        else:
            circuit.reached()
        raise found from error
    else:
        circuit.reached()


class _SignInError(BackendError):
    """The token was refused, or none could be had."""

    code = "backend-error"


class _UnreachableError(BackendError):
    """Nobody answered at all."""

    code = "backend-error"


def _translate(error: Exception, sweep: str | None) -> BackendError | None:
    """What the error means; None for one that is neither Azure's nor MLflow's."""
    from azure.core import exceptions as core  # noqa: PLC0415 - heavy, loaded by whoever called
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - likewise

    words = _words(error)
    if isinstance(error, core.ClientAuthenticationError):
        return _SignInError(f"Azure sign-in failed: {words}", retryable=True)
    if isinstance(error, core.HttpResponseError):
        headers = getattr(error.response, "headers", {})
        return _of_status(error.status_code or 0, words, headers, sweep)
    if isinstance(error, core.AzureError | OSError):
        return _UnreachableError(f"Azure cannot be reached: {words}", retryable=True)
    if isinstance(error, MlflowException):
        return _of_mlflow(error, words, sweep)
    if type(error).__module__.startswith(_SDK):
        return BackendError(f"Azure ML's SDK refuses the job: {words}")
    return None


def _of_mlflow(error: Exception, words: str, sweep: str | None) -> BackendError:
    """MLflow says the status only in its words, except where the server answered in its form."""
    status = getattr(error, "get_http_status_code", lambda: 0)()
    unanswered = "API request to" in words and "failed with exception" in words
    if unanswered:
        return _UnreachableError(
            f"the workspace's MLflow cannot be reached: {words}", retryable=True
        )
    return _of_status(int(status), words, {}, sweep)


def _of_status(
    status: int, words: str, headers: Mapping[str, str], sweep: str | None
) -> BackendError:
    match status:
        case 401:
            return _SignInError(f"Azure sign-in was refused: {words}", retryable=True)
        case 403:
            return BackendError(f"{_FORBIDDEN}: {words}")
        case 404 if sweep is not None:
            return UnknownSweepError(f"Azure ML has no job {sweep} (any more): {words}")
        case 404:
            return MissingError(words)
        case 408 | 409 | 429:
            wait = _retry_after(headers)
            return BackendError(
                f"Azure answered {status}: {words}", retryable=True, retry_after=wait
            )
        case _ if status >= 500:  # noqa: PLR2004 - the server's errors
            wait = _retry_after(headers)
            return BackendError(
                f"Azure answered {status}: {words}", retryable=True, retry_after=wait
            )
        case _:
            return BackendError(f"Azure ML refuses: {words}")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _words(error: Exception) -> str:
    lines = [line.strip() for line in str(getattr(error, "message", error)).splitlines()]
    return " ".join(line for line in lines if line)[:_LONGEST] or type(error).__name__
