"""/v1/embed-tokens: links for pages elsewhere that show a sweep in a frame."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from app.api.bodies import Document
from app.api.openapi import body_of
from app.api.shapes import Shape
from app.api.state import Parts
from app.parts import EMBED
from app.services.embed import EmbedRequest, issue
from app.sweep.faults import read_body

router = APIRouter(prefix="/v1/embed-tokens", tags=["dashboards"])

_EXAMPLES: dict[str, Any] = {
    "an hour": {"value": {"sweep": "concrete-1", "view": "history", "expires_in": 3600}},
}


class EmbedTokenShape(Shape):
    """A token that shows one sweep, read-only, until it runs out."""

    token: str
    expires_at: datetime
    path: Annotated[str, Field(description="For the src of an iframe.")]


@router.post(
    "",
    status_code=201,
    operation_id="create_embed_token",
    responses={404: {"description": "There is no such sweep."}},
    openapi_extra=body_of(EmbedRequest, _EXAMPLES),
)
def create_embed_token(body: Document, parts: Parts) -> EmbedTokenShape:
    """Make a link that shows a chart of one sweep in a frame of another page.

    Only pages of the origins in SWEEPFRONT_EMBED_ORIGINS may frame it.
    """
    request = read_body(EmbedRequest, body)
    made = issue(parts.db, request)
    path = f"{parts.settings.root_path}{EMBED}/{request.sweep}/{request.view}?token={made.token}"
    return EmbedTokenShape(token=made.token, expires_at=made.expires_at, path=path)
