"""Liveness, readiness, backends, and the pages about problems."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.api.problems import KINDS
from app.api.shapes import BackendShape, PageOf
from app.api.state import Parts
from app.services import readiness
from app.sweep.errors import NotFoundError

router = APIRouter(tags=["service"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Ready(BaseModel):
    """Whether requests can be served, part by part."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]


@router.get("/healthz", operation_id="get_liveness")
def get_liveness() -> Alive:
    """Tell that the process is alive."""
    return Alive(status="ok")


@router.get(
    "/readyz",
    operation_id="get_readiness",
    responses={503: {"model": Ready, "description": "Not ready."}},
)
def get_readiness(parts: Parts, response: Response) -> Ready:
    """Tell whether each part works; database, tracker and local engine decide, others do not."""
    found = readiness.look(parts.db, parts.attendant, parts.backends)
    if not found.ready:
        response.status_code = 503
    return Ready(status="ready" if found.ready else "not ready", checks=dict(found.checks))


@router.get("/v1/backends", operation_id="list_backends")
def list_backends(parts: Parts) -> PageOf[BackendShape]:
    """List who can run sweeps, what each can do, and whether it answers."""
    default = parts.settings.default_backend
    items = [
        BackendShape.of(
            backend.capabilities(), parts.attendant.health(name), default=name == default
        )
        for name, backend in sorted(parts.backends.items())
    ]
    return PageOf(items=items, next_cursor=None)


@router.get(
    "/v1/problems/{kind}",
    operation_id="explain_problem",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def explain_problem(kind: str) -> Response:
    """Explain a kind of problem; `type` of a problem answer leads here."""
    known = KINDS.get(kind)
    if known is None:
        raise NotFoundError("There is no such kind of problem.")
    text = f"{known.title} ({known.status})\n\n{known.meaning}\n"
    return Response(text, media_type="text/plain; charset=utf-8")
