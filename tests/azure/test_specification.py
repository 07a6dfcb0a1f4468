"""The emulator refuses what Azure's REST specification does not allow, beyond the job itself."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from mlflow.protos import service_pb2

from tests.azure_emulator.specification import asset, check_mlflow
from tests.served import Json

CODE = {"properties": {"codeUri": "https://x", "isAnonymous": True, "properties": {"a": "b"}}}
MODEL = {"properties": {"modelUri": "azureml://x", "modelType": "custom_model", "tags": {"a": "b"}}}


def _answer(path: str, body: Json) -> httpx.Response:
    """Of a route that answers with the body it was sent, where that is allowed."""
    app = FastAPI()

    async def echo(kind: str, request: Request) -> Any:  # noqa: ANN401 - JSON
        return await asset(kind, request)

    async def put() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://x") as client:
            return await client.put(path, json=body)

    app.add_api_route("/{kind}", echo, methods=["PUT"])
    return asyncio.run(put())


@pytest.mark.parametrize(
    ("kind", "body", "fault"),
    [
        ("CodeVersion", CODE, None),
        ("ModelVersion", MODEL, None),
        ("PendingUploadRequestDto", {"pendingUploadType": "TemporaryBlobReference"}, None),
        ("PendingUploadRequestDto", {"pendingUploadType": "Parcel"}, "Parcel"),
        ("CodeVersion", {"properties": {"code_uri": "https://x"}}, "/properties/code_uri: unknown"),
        ("CodeVersion", {}, "/properties: missing"),
        ("CodeVersion", {"properties": {"isAnonymous": "yes"}}, "is no bool"),
        ("ModelVersion", {"properties": {"tags": {"a": ["b"]}}}, "/properties/tags/a"),
        ("EnvironmentVersion", {"properties": {"imgae": "x"}}, "imgae"),
    ],
)
def test_bodies_of_assets_are_checked(kind: str, body: Json, fault: str | None) -> None:
    """Names, types and values are those of the models that Microsoft generates."""
    answer = _answer(f"/{kind}?api-version=2023-04-01-preview", body)
    assert answer.status_code == (200 if fault is None else 400), answer.text
    assert fault is None or fault in answer.text


def test_the_api_version_is_asked_for() -> None:
    """ARM answers nobody without it."""
    assert "api-version" in _answer("/CodeVersion", CODE).text


def test_mlflow_messages_are_checked() -> None:
    """An unknown key is refused, not passed over."""
    check_mlflow(
        {"experiment_ids": ["1"], "filter": "x", "max_results": 5}, service_pb2.SearchRuns()
    )
    for body in ({"experiments": ["1"]}, {"max_results": "many"}):
        with pytest.raises(HTTPException, match="INVALID_PARAMETER_VALUE"):
            check_mlflow(body, service_pb2.SearchRuns())
