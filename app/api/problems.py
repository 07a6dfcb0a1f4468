"""Problem answers (RFC 9457): one shape for everything that goes wrong, in words for the caller."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from app.access.quotas import QuotaExceededError
from app.backends.base import BackendError
from app.sweep.errors import (
    ConflictError,
    FieldError,
    InvalidDocumentError,
    NotFoundError,
    StoreBusyError,
    SweepfrontError,
    UnauthenticatedError,
    storage_error,
)
from app.sweep.faults import pointer
from app.watching.redaction import redact

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, its title, and what it means."""

    status: int
    title: str
    meaning: str


KINDS: dict[str, Kind] = {
    "unreadable-body": Kind(400, "Unreadable body", "The body is not well-formed."),
    "unauthenticated": Kind(
        401,
        "Unauthenticated",
        "The call needs an API key or a token of Entra ID; the one that came is unknown, expired "
        "or for somebody else.",
    ),
    "forbidden": Kind(403, "Forbidden", "The caller is known, and may not do this here."),
    "cross-site": Kind(
        403, "Cross-site call", "A page of another site may not call this service from a browser."
    ),
    "not-found": Kind(404, "Not found", "There is nothing of that name (yet)."),
    "pages-elsewhere": Kind(
        404,
        "No pages here",
        "This service answers by several processes, and a page lives in one: another service on the "
        "same records, with one process, has the pages.",
    ),
    "method-not-allowed": Kind(
        405, "Method not allowed", "The path takes other methods; see the Allow header."
    ),
    "conflict": Kind(409, "Conflict", "The thing exists and its state forbids the call."),
    "backend-absent": Kind(
        409,
        "Backend not configured",
        "The sweep ran on a backend that this service is not set up for now.",
    ),
    "removed": Kind(
        410, "Removed", "It was there once, and was removed since, as the owner has set it."
    ),
    "too-large": Kind(413, "Too large", "The body, or what it unpacks to, is over a limit."),
    "unsupported-media-type": Kind(415, "Unsupported media type", "Send another content type."),
    "invalid-document": Kind(
        422,
        "Invalid document",
        "The document breaks rules; each entry of errors names the place and the remedy.",
    ),
    "invalid-parameters": Kind(
        422,
        "Invalid parameters",
        "A parameter of the path, the query or a header is not usable; errors names it.",
    ),
    "idempotency-mismatch": Kind(
        422,
        "Idempotency key reused",
        "The Idempotency-Key belongs to a request with another document.",
    ),
    "unusable-code": Kind(422, "Unusable code", "The named code or data cannot be used."),
    "quota-exceeded": Kind(
        429, "Quota exceeded", "The project would use more of the service than it may; see facts."
    ),
    "internal": Kind(
        500, "Internal error", "A fault of the service; the log has it under the request id."
    ),
    "backend-error": Kind(502, "Backend error", "The backend could not do what was asked."),
    "unknown-sweep": Kind(
        502, "Backend lost the sweep", "The backend has no sweep of that name any more."
    ),
    "backend-away": Kind(503, "Backend away", "The backend does not answer now; try again."),
    "identity-away": Kind(
        503,
        "Entra ID away",
        "Tokens cannot be checked, because Entra ID does not answer; try again.",
    ),
    "store-busy": Kind(
        503, "Database busy", "The database cannot be used now; nothing was stored; try again."
    ),
    "read-only": Kind(
        503,
        "Read-only",
        "The service may not write to its folder or database; nothing was stored; what was stored "
        "before can be read.",
    ),
    "disk-full": Kind(
        507,
        "Disk full",
        "There is no room to store anything; nothing was; what was stored before can be read.",
    ),
}


class Fault(BaseModel):
    """One fault of a document or of a parameter."""

    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the body as sent.")]
    message: str
    value: Any = None


class Problem(BaseModel):
    """What went wrong and what to do."""

    type: Annotated[str, Field(description="Path of a page of ours about this kind of problem.")]
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[Fault] | None = None
    facts: dict[str, Any] | None = None


def problem(
    request: Request,
    kind: str,
    detail: str,
    *,
    status: int | None = None,
    errors: list[Fault] | None = None,
    facts: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer for a problem of that kind."""
    known = KINDS[kind]
    body = Problem(
        type=f"/v1/problems/{kind}",
        title=known.title,
        status=status or known.status,
        detail=detail,
        instance=request.url.path,
        request_id=str(request.state.request_id),
        errors=errors,
        facts=facts,
    )
    return Response(
        body.model_dump_json(exclude_none=True),
        status_code=body.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Have every error answered as a problem."""
    app.add_exception_handler(SweepfrontError, _ours)
    app.add_exception_handler(RequestValidationError, _parameters)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _storage)
    app.add_exception_handler(Exception, _fault)


def _ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, SweepfrontError):
        raise error
    return respond(request, error)


def respond(request: Request, error: SweepfrontError) -> Response:
    """The answer for an error of ours."""
    if isinstance(error, BackendError):
        return _backend(request, error)
    errors = None
    facts = None
    if isinstance(error, InvalidDocumentError):
        errors = [_shown(fault) for fault in error.errors]
    elif isinstance(error, ConflictError | QuotaExceededError):
        facts = error.facts or None
    kind = error.code if error.code in KINDS else "internal"
    headers = _headers(error)
    return problem(request, kind, error.message, errors=errors, facts=facts, headers=headers)


def _headers(error: SweepfrontError) -> dict[str, str] | None:
    if isinstance(error, StoreBusyError) or error.code == "identity-away":
        return {"Retry-After": "1"}
    if isinstance(error, QuotaExceededError):
        return {"Retry-After": str(ceil(error.retry_after))}
    if isinstance(error, UnauthenticatedError):
        return {"WWW-Authenticate": "Bearer"}
    return None


def _storage(request: Request, error: Exception) -> Response:
    """A file that could not be written for want of room or permission; others are faults."""
    trouble = storage_error(error)
    return _fault(request, error) if trouble is None else _ours(request, trouble)


def _backend(request: Request, error: BackendError) -> Response:
    if not error.retryable:
        kind = error.code if error.code in KINDS else "backend-error"
        return problem(request, kind, error.message)
    wait = max(1, round(error.retry_after or 1))
    return problem(request, "backend-away", error.message, headers={"Retry-After": str(wait)})


def _parameters(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        Fault(pointer=pointer(details["loc"][1:]), message=str(details["msg"]))
        for details in error.errors()
    ]
    return problem(
        request, "invalid-parameters", "See errors for what is wrong and where.", errors=errors
    )


def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.url.path
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(request, NotFoundError.code, f"There is nothing at {path}; see /docs.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{path} takes {headers.get('Allow', headers.get('allow', 'other methods'))}."
        return problem(request, "method-not-allowed", detail, headers=headers)
    kind = (
        "too-large"
        if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        else "unreadable-body"
    )
    return problem(request, kind, str(error.detail), status=error.status_code, headers=headers)


def _fault(request: Request, error: Exception) -> Response:
    log.error("request %s failed", request.state.request_id, exc_info=error)
    return problem(
        request,
        "internal",
        "The service failed at this request; its log has the details under the request id.",
        # uvicorn closes the connection after a fault; a client that is not told sends its next
        # request on it, and is reset.
        headers={"Connection": "close"},
    )


def _shown(fault: FieldError) -> Fault:
    # A key that was put into the wrong field is not shown to whoever reads answers.
    value = redact(fault.value) if isinstance(fault.value, str) else fault.value
    return Fault(pointer=fault.pointer, message=fault.message, value=value)
