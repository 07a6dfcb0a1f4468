"""The OpenAPI description: bodies that are decoded by us, and problem answers everywhere."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from app.access.settings import API_KEY_HEADER, AccessSettings
from app.api.problems import KINDS, MEDIA_TYPE, Problem

_REF = "#/components/schemas/{model}"
_BODIES: dict[str, type[BaseModel]] = {}


def body_of(
    model: type[BaseModel], examples: dict[str, Any], *, required: bool = True
) -> dict[str, Any]:
    """The requestBody of a route that decodes JSON or YAML into this model."""
    _BODIES[model.__name__] = model
    content = {"schema": {"$ref": _REF.format(model=model.__name__)}, "examples": examples}
    media = {"application/json": content, "application/yaml": content}
    return {"requestBody": {"required": required, "content": media}}


def describe(app: FastAPI, access: AccessSettings) -> Callable[[], dict[str, Any]]:
    """A function that makes the description once; `access` says how callers are recognised."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                webhooks=app.webhooks.routes,
                tags=app.openapi_tags,
            )
            _add_bodies(schema)
            _add_problems(schema)
            if access.identifies:
                _add_identity(schema, access)
            app.openapi_schema = schema
        return app.openapi_schema

    return openapi


def _add_bodies(schema: dict[str, Any]) -> None:
    components = schema["components"]["schemas"]
    for name, model in _BODIES.items():
        body = model.model_json_schema(ref_template=_REF, mode="validation")
        components.update(body.pop("$defs", {}))
        components[name] = body


def _add_problems(schema: dict[str, Any]) -> None:
    """Every status that an error can have is a problem; FastAPI's own error shapes go."""
    components = schema["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    shape = Problem.model_json_schema(ref_template=_REF)
    components.update(shape.pop("$defs", {}))
    components["Problem"] = shape
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    for item in schema.get("webhooks", {}).values():
        for operation in item.values():
            # What a receiver answers to a body that it does not like is its own affair.
            operation["responses"].pop("422", None)
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            responses = operation["responses"]
            responses.pop("422", None)
            for status in _statuses(path, method, operation):
                words = ", ".join(kind.title for kind in KINDS.values() if kind.status == status)
                responses.setdefault(str(status), {"description": words})
            for status, response in responses.items():
                if int(status) >= HTTPStatus.BAD_REQUEST:
                    response.setdefault("content", content)


def _add_identity(schema: dict[str, Any], access: AccessSettings) -> None:
    """How to say who one is, and the answers to those who do not or may not."""
    schemes: dict[str, Any] = {
        "API key": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER},
        "Bearer": {"type": "http", "scheme": "bearer", "description": "An API key or a token."},
    }
    if access.entra:
        endpoints = f"{access.entra_tenant_url}/oauth2/v2.0"
        schemes["Microsoft Entra ID"] = {
            "type": "oauth2",
            "flows": {
                "authorizationCode": {
                    "authorizationUrl": f"{endpoints}/authorize",
                    "tokenUrl": f"{endpoints}/token",
                    "scopes": {access.entra_scope: "Use Sweepfront as yourself"},
                }
            },
        }
    schema["components"]["securitySchemes"] = schemes
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    for path, item in schema["paths"].items():
        if not path.startswith("/v1") or path.startswith("/v1/problems"):
            continue
        for operation in item.values():
            operation["security"] = [{name: []} for name in schemes]
            for status, words in ((401, "Unauthenticated"), (403, "Forbidden")):
                answer = {"description": words, "content": content}
                operation["responses"].setdefault(str(status), answer)


def _statuses(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    if not path.startswith("/v1") or path.startswith("/v1/problems"):
        return {404} if path.startswith("/v1") else set()
    found = {422, 502, 503}
    if "{" in path:
        found |= {404}
    if method in ("post", "delete"):
        found |= {409}
    if operation["operationId"] in ("submit_sweep", "resume_sweep"):
        found |= {429}
    if "requestBody" in operation:
        found |= {400, 413, 415}
    return found
