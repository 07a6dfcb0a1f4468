"""/v1/sweeps: submit, list, read, cancel, resume, delete; the best trial; registration."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime
from pydantic_core import to_json

from app.api.bodies import Document, OptionalObject
from app.api.model_shapes import ModelVersionShape
from app.api.openapi import body_of
from app.api.parameters import Cursor, IdempotencyKey, Limit, SweepName
from app.api.shapes import PageOf, SweepShape, TrialShape, plain_sweep
from app.api.state import Parts
from app.services.delete import delete
from app.services.register import RegisterRequest, no_best, register
from app.services.resume import ResumeRequest, resume
from app.services.submit import submit
from app.store import sweeps, trials
from app.sweep.document import BackendName, SweepDocument
from app.sweep.errors import FieldError, InvalidDocumentError, NotFoundError
from app.sweep.examples import EXAMPLES, REGISTER_EXAMPLES, RESUME_EXAMPLES
from app.sweep.faults import read_body
from app.sweep.record import SweepFilter
from app.sweep.state import SweepStatus

router = APIRouter(prefix="/v1/sweeps", tags=["sweeps"])

_SORTS = "created_at, name, or one of them with - before it for descending"


@router.post(
    "",
    status_code=202,
    operation_id="submit_sweep",
    response_model=SweepShape,
    responses={200: {"model": SweepShape, "description": "It was there already."}},
    openapi_extra=body_of(SweepDocument, EXAMPLES),
)
def submit_sweep(
    body: Document,
    parts: Parts,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Submit a sweep: Azure ML's sweep YAML, as JSON or YAML.

    Everything is judged first; a document with a fault is refused with the place and the remedy
    of each, and nothing is stored. The sweep then runs by itself: read it at its Location.
    """
    record, fresh = submit(
        parts.db,
        parts.backends,
        parts.code,
        body,
        default_backend=parts.settings.default_backend,
        idempotency_key=idempotency_key,
        request_id=str(request.state.request_id),
        quotas=parts.settings.quotas,
    )
    if fresh:
        parts.attendant.wake(record.name)
    location = f"{parts.settings.root_path}/v1/sweeps/{record.name}"
    return _answer(
        plain_sweep(record), status=202 if fresh else 200, headers={"Location": location}
    )


async def _filter(
    status: SweepStatus | None = None,
    backend: BackendName | None = None,
    experiment_name: Annotated[str | None, Query(max_length=250)] = None,
    tag: Annotated[str | None, Query(max_length=2000, description="key:value")] = None,
    search: Annotated[
        str | None, Query(max_length=250, description="Part of the name or of the experiment's.")
    ] = None,
    created_by: Annotated[
        str | None, Query(max_length=250, description="Who submitted it.")
    ] = None,
    created_after: AwareDatetime | None = None,
    created_before: AwareDatetime | None = None,
) -> SweepFilter:
    return SweepFilter(
        status=status,
        backend=backend,
        experiment_name=experiment_name,
        tag=_tag(tag),
        search=search,
        created_by=created_by,
        created_after=created_after,
        created_before=created_before,
    )


@router.get("", operation_id="list_sweeps", response_model=PageOf[SweepShape])
def list_sweeps(
    parts: Parts,
    wanted: Annotated[SweepFilter, Depends(_filter)],
    sort: Annotated[str, Query(max_length=50, description=_SORTS)] = "-created_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List sweeps, the newest first; archived ones are left out."""
    page = sweeps.page(parts.db, wanted, sort=sort, limit=limit, cursor=cursor)
    items = [plain_sweep(record) for record in page.items]
    return _answer({"items": items, "next_cursor": page.next_cursor})


@router.get("/{name}", operation_id="get_sweep", response_model=SweepShape)
def get_sweep(name: SweepName, parts: Parts) -> Response:
    """Read a sweep: where it stands, how many trials, which one leads."""
    return _answer(plain_sweep(sweeps.get(parts.db, name)))


def _answer(
    body: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Plain values, serialised once: shapes of them cost more than their query."""
    content = to_json(body, inf_nan_mode="null")
    return Response(content, status, headers, media_type="application/json")


@router.post("/{name}/cancel", status_code=202, operation_id="cancel_sweep")
def cancel_sweep(name: SweepName, parts: Parts) -> SweepShape:
    """End a sweep: its running trials are stopped, what they logged stays."""
    record = sweeps.request_cancel(parts.db, name)
    parts.attendant.wake(name)
    return SweepShape.of(record)


@router.post(
    "/{name}/resume",
    status_code=202,
    operation_id="resume_sweep",
    openapi_extra=body_of(ResumeRequest, RESUME_EXAMPLES, required=False),
)
def resume_sweep(name: SweepName, body: OptionalObject, parts: Parts) -> SweepShape:
    """Let a finished sweep of the local backend go on, within raised limits if any are given.

    No finished trial runs again. Trials that the sweep's end canceled do, as their next attempt.
    """
    record = resume(
        parts.db, parts.backends, name, read_body(ResumeRequest, body), parts.settings.quotas
    )
    parts.attendant.wake(name)
    return SweepShape.of(record)


@router.delete("/{name}", status_code=204, operation_id="delete_sweep")
def delete_sweep(
    name: SweepName,
    parts: Parts,
    *,
    purge: Annotated[bool, Query(description="Remove records and artifacts for good.")] = False,
) -> None:
    """Archive a finished sweep, or purge it; registered models stay."""
    delete(parts.db, parts.backends, name, purge=purge)


@router.get(
    "/{name}/best-trial",
    operation_id="get_best_trial",
    tags=["trials"],
)
def get_best_trial(name: SweepName, parts: Parts) -> TrialShape:
    """Read the completed trial with the best objective; 404 says why there is none."""
    best = trials.best(parts.db, name)
    if best is None:
        raise NotFoundError(no_best(sweeps.get(parts.db, name)))
    return TrialShape.of(best)


@router.post(
    "/{name}/register",
    status_code=201,
    operation_id="register_model",
    tags=["models"],
    responses={200: {"model": ModelVersionShape, "description": "It was a version already."}},
    openapi_extra=body_of(RegisterRequest, REGISTER_EXAMPLES, required=False),
)
def register_model(
    name: SweepName, body: OptionalObject, parts: Parts, response: Response
) -> ModelVersionShape:
    """Register a trial's model: the best trial as `final_model` unless the body says otherwise."""
    version, fresh = register(parts.db, parts.backends, name, read_body(RegisterRequest, body))
    if not fresh:
        response.status_code = 200
    root = parts.settings.root_path
    response.headers["Location"] = (
        f"{root}/v1/models/{version.model_name}/versions/{version.version}"
    )
    return ModelVersionShape.of(version)


def _tag(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    key, colon, value = text.partition(":")
    if not colon:
        fault = FieldError(pointer="/tag", message="write a tag as key:value", value=text[:100])
        raise InvalidDocumentError([fault])
    return key, value
