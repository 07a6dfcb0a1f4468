"""/v1/models: registered models, their versions with lineage, and their files."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from app.api.model_shapes import ModelShape, ModelVersionShape
from app.api.parameters import Cursor, Limit, ModelName, ModelNumber
from app.api.shapes import PageOf
from app.api.state import Parts
from app.backends.base import backend_of
from app.store import models

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", operation_id="list_models")
def list_models(parts: Parts, limit: Limit = 50, cursor: Cursor = None) -> PageOf[ModelShape]:
    """List models by name, each with its newest version."""
    page = models.page_models(parts.db, limit=limit, cursor=cursor)
    return PageOf(
        items=[ModelShape.of(summary) for summary in page.items], next_cursor=page.next_cursor
    )


@router.get("/{model}", operation_id="get_model")
def get_model(
    model: ModelName, parts: Parts, limit: Limit = 50, cursor: Cursor = None
) -> PageOf[ModelVersionShape]:
    """List a model's versions, the newest first."""
    page = models.page_versions(parts.db, model, limit=limit, cursor=cursor)
    return PageOf(
        items=[ModelVersionShape.of(version) for version in page.items],
        next_cursor=page.next_cursor,
    )


@router.get(
    "/{model}/versions/{version}",
    operation_id="get_model_version",
)
def get_model_version(model: ModelName, version: ModelNumber, parts: Parts) -> ModelVersionShape:
    """Read a version: where it came from, by which value it was chosen."""
    return ModelVersionShape.of(models.get(parts.db, model, version))


@router.get(
    "/{model}/versions/{version}/download",
    operation_id="download_model",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def download_model(model: ModelName, version: ModelNumber, parts: Parts) -> FileResponse:
    """Download the registered file; X-Content-SHA256 has its checksum."""
    found = models.get(parts.db, model, version)
    file = backend_of(parts.backends, found.backend).model_file(found.uri)
    headers = {"X-Content-Type-Options": "nosniff"}
    if found.sha256 is not None:
        headers["X-Content-SHA256"] = found.sha256
    return FileResponse(
        file, media_type="application/octet-stream", filename=file.name, headers=headers
    )
