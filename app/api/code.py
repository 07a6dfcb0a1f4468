"""/v1/code: uploads of trial code and data."""

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from app.access.callers import Role
from app.access.permission import hold_somewhere
from app.api.bodies import save
from app.api.state import Parts
from app.store.audit import note_call
from app.sweep.data import UPLOAD

router = APIRouter(prefix="/v1/code", tags=["code"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}


class Upload(BaseModel):
    """What to write as `trial.code`, or before a path in `inputs`, in a document."""

    code: Annotated[str, Field(examples=["upload:" + "0" * 64])]


@router.post(
    "",
    status_code=201,
    operation_id="upload_code",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/zip": _BINARY, "application/gzip": _BINARY},
        }
    },
)
async def upload_code(request: Request, parts: Parts, response: Response) -> Upload:
    """Upload a folder of code or data as zip or tar.gz; the same content has the same name."""
    hold_somewhere(parts.caller, Role.OPERATOR)
    media_type = request.headers.get("content-type", "").split(";", maxsplit=1)[0].strip().lower()
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "upload"
        await save(request, archive, parts.settings.max_upload_bytes)
        digest = await run_in_threadpool(parts.code.upload, archive, media_type)
    await run_in_threadpool(note_call, parts.db, "code.upload", digest, project=None)
    response.headers["Cache-Control"] = "no-store"
    return Upload(code=f"{UPLOAD}{digest}")
