"""Calls of backends as they are watched: timed, traced, their errors counted by kind."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, get_args

from opentelemetry.trace import Span

from app.backends.base import Backend, BackendError, ErrorKind
from app.sweep.errors import SweepfrontError
from app.watching import metrics, tracing

_CALLS = (
    "submit",
    "observe",
    "cancel",
    "cancel_trial",
    "cannot_go_on",
    "resume",
    "retry_trial",
    "register",
    "model_file",
    "log",
    "artifacts",
    "artifact_file",
    "purge",
)
"""Those that ask the backend's system for something; the others answer from what is known here."""
_CHANGES = ("submit", "cancel", "cancel_trial", "resume", "retry_trial", "register", "purge")
"""Those of them that change something there, which the log tells."""
UNEXPECTED = "unexpected"
"""Kind of an error that no backend should raise."""

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
B = TypeVar("B", bound=Backend)


def watched(backend: B) -> B:
    """The same backend, whose calls are watched from now on."""
    metrics.expect_errors(backend.name, (*get_args(ErrorKind), UNEXPECTED))
    for call in _CALLS:
        setattr(backend, call, _watched(backend.name, call, getattr(backend, call)))
    return backend


def _watched(backend: str, call: str, function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def made(*args: P.args, **kwargs: P.kwargs) -> R:
        attributes = {"sweepfront.backend": backend, "sweepfront.call": call}
        with (
            metrics.timed_call(backend, call),
            tracing.span(f"{backend} {call}", attributes, outgoing=True) as span,
        ):
            try:
                result = function(*args, **kwargs)
            except BackendError as error:
                _failed(backend, span, error.kind, error)
                raise
            except SweepfrontError:
                # An answer, such as that there is no such file.
                raise
            except Exception as error:
                _failed(backend, span, UNEXPECTED, error)
                raise
        if call in _CHANGES:
            log.info("%s: %s done", backend, call)
        return result

    return made


def _failed(backend: str, span: Span, kind: str, error: Exception) -> None:
    metrics.backend_failed(backend, kind)
    tracing.failed(span, kind, str(error))
