"""Azure Resource Manager's part: models and their versions."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request

from tests.azure_emulator.arm import W
from tests.azure_emulator.shelf import Shelf
from tests.azure_emulator.specification import asset

Json = dict[str, Any]


class Models:
    """Their routes."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.router = APIRouter(prefix=W + "/models/{name}")
        add = self.router.add_api_route
        add("/versions", self._versions)
        add("", self._model)
        add("/versions/{version}", self._put_version, methods=["PUT"])
        add("/versions/{version}", self._get_version)

    def _versions(self, name: str) -> Json:
        found = list(self._shelf.all("model", f"{name}/").values())
        return {"value": found[::-1]}

    def _model(self, name: str) -> Json:
        latest = len(self._shelf.all("model", f"{name}/"))
        if not latest:
            raise _refusal(404, f"(ResourceNotFound) no such model {name}")
        shown = {"latestVersion": str(latest), "nextVersion": str(latest + 1)}
        return _entity(name, {"properties": shown})

    async def _put_version(self, name: str, version: str, request: Request) -> Json:
        body = await asset("ModelVersion", request)
        known = self._shelf.get("model", f"{name}/{version}")
        if known and known["properties"]["modelUri"] != body["properties"]["modelUri"]:
            raise _refusal(400, "Asset paths cannot be updated.")
        body["properties"].setdefault("flavors", {})
        entity = _entity(f"{name}/versions/{version}", body)
        return self._shelf.put("model", f"{name}/{version}", entity)

    def _get_version(self, name: str, version: str) -> Json:
        found = self._shelf.get("model", f"{name}/{version}")
        if found is None:
            raise _refusal(404, f"(ResourceNotFound) no such model {name}/{version}")
        return found


def _refusal(status: int, words: str) -> HTTPException:
    return HTTPException(status, {"error": {"code": "UserError", "message": words}})


def _entity(path: str, body: Json) -> Json:
    return {
        "id": f"{W}/models/{path}",
        "name": path.rsplit("/", 1)[-1],
        "type": "Microsoft.MachineLearningServices/workspaces/models",
        "properties": body["properties"],
    }
