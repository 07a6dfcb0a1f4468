"""The emulated cloud put together: one TLS address for sign-in, ARM, data planes and control."""

import json
from pathlib import Path
from typing import Any

import trustme
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from tests.azure_emulator.arm import GROUP, SUBSCRIPTION, WORKSPACE, Arm, W
from tests.azure_emulator.blobs import BlobStore
from tests.azure_emulator.faults import Faults
from tests.azure_emulator.history import History
from tests.azure_emulator.identity import CLIENT, SECRET, TENANT, Authority
from tests.azure_emulator.mlflow_routes import MlflowRoutes
from tests.azure_emulator.models import Models
from tests.azure_emulator.shelf import Shelf
from tests.azure_emulator.simulated import SimulatedSweeps
from tests.azure_emulator.sweeps import RunsSweeps, Sweeps

CLOUD = "EmulatedCloud"


class Emulator:
    """Everything behind one port; a folder holds its state."""

    def __init__(self, folder: Path, port: int, *, slots: int, simulated: int = 0) -> None:
        """Make what the folder lacks.

        Args:
            folder: state, certificates, blobs.
            port: of the address.
            slots: trials at once.
            simulated: trials of each sweep that only pretend to run; 0: trials run.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.base = f"https://localhost:{port}"
        self.folder = folder
        self.ca = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        self._make_certificates()
        self.authority = Authority(self.base, folder / "client.pem", folder / "federated.jwt")
        self._shelf = Shelf(folder / "state.db")
        self._blobs = BlobStore(folder / "blobs", self.certificate, self.key, self.ca)
        self._simulated = SimulatedSweeps(simulated) if simulated else None
        self._sweeps: RunsSweeps = self._simulated or Sweeps(
            folder, self._shelf, self._blobs, slots=slots
        )
        self._faults = Faults()

    def app(self) -> ASGIApp:
        """The ASGI application."""
        app = FastAPI(title="Azure ML, emulated", docs_url=None, redoc_url=None)
        app.add_exception_handler(HTTPException, _error)
        guarded = [Depends(self.authority.check)]
        history = History(self.base, self._sweeps)
        arm = Arm(self.base, self._shelf, self._blobs, self._sweeps)
        for kind, key, path in (
            ("compute", "cpu-cluster", "computes/cpu-cluster"),
            ("environment", "concrete_env/1", "environments/concrete_env/versions/1"),
        ):
            self._shelf.put(kind, key, {"id": f"{W}/{path}", "name": key, "properties": {}})
        app.include_router(history.discovery)
        app.add_api_route("/metadata/endpoints", self._metadata)
        app.add_api_route("/control/faults", self._plan, methods=["PUT"])
        app.add_api_route("/control/requests", lambda: self._faults.requests)
        app.add_api_route("/control/throttled", lambda: self._faults.throttled)
        app.add_api_route("/control/disturbed", lambda: self._faults.disturbed)
        app.add_api_route("/control/jobs", lambda: list(self._shelf.all("job")))
        app.add_api_route("/control/jobs/{name}", self._forget, methods=["DELETE"])
        app.add_api_route("/control/jobs/{name}", lambda name: self._shelf.get("job", name))
        app.add_api_route("/control/override/{name}", self._override, methods=["PUT"])
        app.add_api_route("/control/revoke", self.authority.revoke, methods=["PUT"])
        app.add_api_route("/control/advance", self._advance, methods=["PUT"])
        app.add_api_route("/control/pace", self._pace, methods=["PUT"])
        app.add_api_route("/control/entities/{kind}", self._shelf.all)
        models = Models(self._shelf)
        for router in (
            arm.router,
            models.router,
            history.router,
            MlflowRoutes(self._sweeps).router,
        ):
            app.include_router(router, dependencies=guarded)
        app.include_router(self.authority.router)
        self._faults.app = app
        return self._faults

    def environment(self) -> dict[str, str]:
        """The variables with which the product finds this cloud, as it would a sovereign one."""
        return {
            "ARM_CLOUD_METADATA_URL": f"{self.base}/metadata/endpoints",
            "AZUREML_CURRENT_CLOUD": CLOUD,
            "REQUESTS_CA_BUNDLE": str(self.ca),
            "AZURE_AUTHORITY_HOST": self.base,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": SECRET,
            "SWEEPFRONT_AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "SWEEPFRONT_AZURE_RESOURCE_GROUP": GROUP,
            "SWEEPFRONT_AZURE_WORKSPACE": WORKSPACE,
            "SWEEPFRONT_AZURE_INSTANCE_DISCOVERY": "false",
            "SWEEPFRONT_POLL_INTERVAL": "0.3",
        }

    def close(self) -> None:
        """End everything that was started."""
        self._sweeps.close()
        self._blobs.close()
        self._shelf.close()

    def _metadata(self) -> list[dict[str, Any]]:
        return [
            {
                "name": CLOUD,
                "portal": f"{self.base}/portal/",
                "resourceManager": f"{self.base}/",
                "authentication": {
                    "loginEndpoint": f"{self.base}/",
                    "audiences": [self.base, f"{self.base}/"],
                },
                "suffixes": {"storage": "local"},
            }
        ]

    async def _plan(self, request: Request) -> dict[str, int]:
        wanted = json.loads(await request.body())
        self._faults.plan(wanted.get("faults", []))
        self.authority.lifetime = wanted.get("token_lifetime", 3600)
        return {"faults": len(self._faults.faults)}

    async def _override(self, name: str, request: Request) -> dict[str, str]:
        self._shelf.put("override", name, json.loads(await request.body()))
        return {"job": name}

    def _forget(self, name: str) -> dict[str, str]:
        self._shelf.remove("job", name)
        return {"job": name}

    async def _advance(self, request: Request) -> dict[str, int]:
        wanted: dict[str, int] = json.loads(await request.body())
        if self._simulated is not None:
            self._simulated.advance(**wanted)
        return wanted

    async def _pace(self, request: Request) -> dict[str, int]:
        wanted: dict[str, int] = json.loads(await request.body())
        self._sweeps.haste = wanted["haste"]
        self._blobs.signature_seconds = wanted["signature_seconds"]
        return wanted

    def _make_certificates(self) -> None:
        if self.ca.exists():
            return
        authority = trustme.CA()
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        application = authority.issue_cert("application.local", key_type=trustme.KeyType.RSA)
        application.private_key_and_cert_chain_pem.write_to_path(self.folder / "client.pem")
        authority.cert_pem.write_to_path(self.ca)
        leaf.private_key_pem.write_to_path(self.key)
        for pem in leaf.cert_chain_pems:
            pem.write_to_path(self.certificate, append=True)


def _error(_: Request, error: Exception) -> JSONResponse:
    """Errors as ARM writes them: the detail is the body where it is one."""
    assert isinstance(error, HTTPException)
    detail: Any = error.detail
    body = (
        detail
        if isinstance(detail, dict)
        else {"error": {"code": str(error.status_code), "message": str(detail)}}
    )
    return JSONResponse(body, status_code=error.status_code)
