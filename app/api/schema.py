"""/v1/schema/sweep.json: the JSON Schema of a sweep document, for editors and other programs."""

from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.sweep.document import SweepDocument
from app.sweep.examples import EXAMPLES

router = APIRouter(prefix="/v1/schema", tags=["sweeps"])

MEDIA_TYPE = "application/schema+json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def sweep_schema() -> dict[str, Any]:
    """The schema, with the examples of the documentation."""
    schema = SweepDocument.model_json_schema(mode="validation")
    return {
        "$schema": DIALECT,
        "$id": "/v1/schema/sweep.json",
        **schema,
        "title": "Sweepfront sweep",
        "examples": [example["value"] for example in EXAMPLES.values()],
    }


@router.get(
    "/sweep.json",
    operation_id="get_sweep_schema",
    response_class=JSONResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}},
)
def get_sweep_schema() -> JSONResponse:
    """Read the JSON Schema of a sweep document.

    In an editor that knows the YAML language server, begin a file with
    `# yaml-language-server: $schema=http://127.0.0.1:8000/v1/schema/sweep.json`.
    """
    return JSONResponse(sweep_schema(), media_type=MEDIA_TYPE)
