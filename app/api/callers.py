"""/v1/me and /v1/audit: who the caller is, and what all callers did."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.access.audit import AuditEntry
from app.access.callers import Role
from app.access.permission import hold_somewhere
from app.api.parameters import Cursor, Limit
from app.api.shapes import PageOf, Shape
from app.api.state import Parts
from app.store import audit
from app.store.database import Database

router = APIRouter(prefix="/v1", tags=["access"])

_PAGE = 200
_NDJSON = "application/x-ndjson"
ActionName = Annotated[str | None, Query(max_length=50, description="Such as sweep.submit.")]
ActorName = Annotated[str | None, Query(max_length=250, description="The caller's name.")]
Target = Annotated[str | None, Query(max_length=250, description="Such as a sweep's name.")]


class MeShape(Shape):
    """Who the caller is here."""

    name: str
    kind: Annotated[str, Field(description="By what they are recognised.")]
    grants: Annotated[
        dict[str, Role], Field(description="The role for each project; `*` for all of them.")
    ]


class AuditShape(Shape):
    """One thing that somebody did."""

    id: int
    at: datetime
    actor: Annotated[str, Field(description="Name of the caller, `service` for the service.")]
    kind: str
    source: Annotated[str | None, Field(description="Address that the request came from.")]
    request_id: str | None
    action: str
    target: str | None
    project: str | None
    document_hash: str | None
    details: dict[str, Any]

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """From an entry."""
        return cls(**asdict(entry))


@router.get("/me", operation_id="get_me")
def get_me(parts: Parts) -> MeShape:
    """Tell who the caller is, and what they may do."""
    caller = parts.caller
    return MeShape(name=caller.name, kind=caller.kind, grants=dict(caller.grants))


@router.get("/audit", operation_id="list_audit")
def list_audit(
    parts: Parts,
    action: ActionName = None,
    actor: ActorName = None,
    target: Target = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOf[AuditShape]:
    """List what was changed, by whom and from where, the newest first; for registrars."""
    page = audit.page(
        parts.db, action=action, actor=actor, target=target, limit=limit, cursor=cursor
    )
    return PageOf(
        items=[AuditShape.of(entry) for entry in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/audit/export",
    operation_id="export_audit",
    response_class=StreamingResponse,
    responses={200: {"content": {_NDJSON: {"schema": {"type": "string"}}}}},
)
def export_audit(
    parts: Parts,
    after: Annotated[
        int, Query(ge=0, le=2**63 - 1, description="Entries after this id; 0: all.")
    ] = 0,
) -> StreamingResponse:
    """Export the audit log, the oldest first, one JSON object on each line; for registrars."""
    hold_somewhere(parts.caller, Role.REGISTRAR)
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return StreamingResponse(_lines(parts.db, after), media_type=_NDJSON, headers=headers)


def _lines(db: Database, after: int) -> Iterator[bytes]:
    cursor: str | None = None
    while True:
        page = audit.page(db, after=after, sort="id", limit=_PAGE, cursor=cursor)
        for entry in page.items:
            yield AuditShape.of(entry).model_dump_json().encode() + b"\n"
        cursor = page.next_cursor
        if cursor is None:
            return
