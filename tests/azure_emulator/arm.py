"""Azure Resource Manager's part: the workspace, its assets, its jobs."""

import threading
import uuid
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool

from tests.azure_emulator.blobs import BlobStore
from tests.azure_emulator.shelf import Shelf
from tests.azure_emulator.specification import asset, check_job
from tests.azure_emulator.sweeps import ARTIFACTS, JOB_WORDS, RunsSweeps

Json = dict[str, Any]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "emulated-group"
WORKSPACE = "emulated"
W = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    f"/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
)


def _not_found(what: str) -> HTTPException:
    return HTTPException(
        404, {"error": {"code": "UserError", "message": f"(ResourceNotFound) no such {what}"}}
    )


class Arm:
    """The routes below the workspace."""

    def __init__(self, base: str, shelf: Shelf, blobs: BlobStore, sweeps: RunsSweeps) -> None:
        self._base = base
        self._shelf = shelf
        self._blobs = blobs
        self._sweeps = sweeps
        self._lock = threading.Lock()
        for name, container in (
            ("workspaceblobstore", "workspaceblobs"),
            ("workspaceartifactstore", ARTIFACTS),
        ):
            shelf.put("datastore", name, {"container": container})
            blobs.container(container)
        self.router = APIRouter()
        self._add_routes()

    def _add_routes(self) -> None:
        add = self.router.add_api_route
        add(W, self._workspace)
        add(W + "/codes/{name}/versions", self._code_by_hash)
        add(
            W + "/codes/{name}/versions/{version}/startPendingUpload",
            self._pending,
            methods=["POST"],
        )
        add(W + "/codes/{name}/versions/{version}", self._put_code, methods=["PUT"])
        add(W + "/codes/{name}/versions/{version}", self._get_code)
        add(W + "/environments/{name}", self._environment)
        add(W + "/environments/{name}/versions", self._environment_versions)
        add(W + "/environments/{name}/versions/{version}", self._put_environment, methods=["PUT"])
        add(W + "/environments/{name}/versions/{version}", self._get_environment)
        add(W + "/computes/{name}", self._compute)
        add(W + "/datastores", self._datastores)
        add(W + "/datastores/{name}", self._datastore)
        add(W + "/datastores/{name}/listSecrets", self._secrets, methods=["POST"])
        add(W + "/jobs/{name}", self._put_job, methods=["PUT"])
        add(W + "/jobs/{name}", self._get_job)
        add(W + "/jobs/{name}/cancel", self._cancel, methods=["POST"])

    def _workspace(self) -> Json:
        host = self._base.removeprefix("https://")
        return {
            "id": W,
            "name": WORKSPACE,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": "local",
            "properties": {
                "discoveryUrl": f"{self._base}/discovery",
                "mlFlowTrackingUri": f"azureml://{host}/mlflow/v1.0{W}",
                "workspaceId": str(uuid.uuid5(uuid.NAMESPACE_URL, W)),
            },
        }

    def _code_by_hash(self, name: str, hash: str) -> Json:  # noqa: A002, ARG002 - Azure's names
        found = [
            code
            for code in self._shelf.all("code").values()
            if code["properties"]["properties"].get("hash_sha256") == hash
        ]
        return {"value": found[:1]}

    async def _pending(self, name: str, version: str, request: Request) -> Json:  # noqa: ARG002 - a part of the path
        await asset("PendingUploadRequestDto", request)
        return await run_in_threadpool(self._upload_place, name)

    def _upload_place(self, name: str) -> Json:
        container = f"code-{name}"[:63]
        self._blobs.container(container)
        address = self._blobs.address(container)
        return {
            "pendingUploadId": name,
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": address,
                "storageAccountArmId": f"{W}/storage",
                "credential": {
                    "credentialType": "SAS",
                    "sasUri": f"{address}?{self._blobs.signature(container)}",
                },
            },
        }

    async def _put_code(self, name: str, version: str, request: Request) -> Json:
        body = await asset("CodeVersion", request)
        return self._shelf.put(
            "code", f"{name}/{version}", self._entity(f"codes/{name}/versions/{version}", body)
        )

    def _get_code(self, name: str, version: str) -> Json:
        return self._found("code", f"{name}/{version}")

    def _environment(self, name: str) -> Json:
        versions = self._shelf.all("environment", f"{name}/")
        if not versions:
            raise _not_found(f"environment {name}")
        latest = list(versions)[-1].split("/")[1]
        return self._entity(f"environments/{name}", {"properties": {"latestVersion": latest}})

    def _environment_versions(self, name: str) -> Json:
        found = list(self._shelf.all("environment", f"{name}/").values())
        return {"value": found[::-1]}

    async def _put_environment(self, name: str, version: str, request: Request) -> Json:
        body = await asset("EnvironmentVersion", request)
        entity = self._entity(f"environments/{name}/versions/{version}", body)
        return self._shelf.put("environment", f"{name}/{version}", entity)

    def _get_environment(self, name: str, version: str) -> Json:
        return self._found("environment", f"{name}/{version}")

    def _compute(self, name: str) -> Json:
        return self._found("compute", name)

    def _datastores(self) -> Json:
        return {"value": [self._datastore(name) for name in self._shelf.all("datastore")]}

    def _datastore(self, name: str) -> Json:
        found = self._shelf.get("datastore", name)
        if found is None:
            raise _not_found(f"datastore {name}")
        return self._entity(
            f"datastores/{name}",
            {
                "properties": {
                    "datastoreType": "AzureBlob",
                    # The SDK builds https://{account}.blob.{endpoint}: the tail lands in a query.
                    "accountName": f"{self._blobs.host}/devstoreaccount1?",
                    "containerName": found["container"],
                    "endpoint": "local",
                    "protocol": "https",
                    "isDefault": name == "workspaceblobstore",
                    "credentials": {"credentialsType": "Sas"},
                }
            },
        )

    def _secrets(self, name: str) -> Json:
        found = self._shelf.get("datastore", name)
        if found is None:
            raise _not_found(f"datastore {name}")
        token = self._blobs.signature(found["container"])
        override = self._shelf.get("override", name) or {}
        return {"secretsType": "Sas", "sasToken": token} | override

    async def _put_job(self, name: str, request: Request, response: Response) -> Json:
        body = await request.json()
        check_job(body)
        return await run_in_threadpool(self._create_job, name, body, response)

    def _create_job(self, name: str, body: Json, response: Response) -> Json:
        with self._lock:
            known = self._shelf.get("job", name)
            if known is not None:
                for key in ("tags", "isArchived"):
                    known["properties"][key] = body["properties"].get(key)
                self._shelf.put("job", name, known)
                return self._job(known)
            self._check_references(body["properties"])
            job = self._shelf.put("job", name, self._entity(f"jobs/{name}", body))
        try:
            self._sweeps.submit(name, body["properties"])
        except Exception:
            self._shelf.remove("job", name)
            raise
        response.status_code = 201
        return self._job(job)

    def _check_references(self, properties: Json) -> None:
        compute = properties.get("computeId")
        if compute and self._shelf.get("compute", compute.rsplit("/", 1)[-1]) is None:
            raise _not_found(f"compute {compute.rsplit('/', 1)[-1]}")
        environment = properties["trial"]["environmentId"].split("/")
        if len(environment) > 3:
            key = f"{environment[-3]}/{environment[-1]}"
            if self._shelf.get("environment", key) is None:
                raise _not_found(f"environment {key}")

    def _get_job(self, name: str) -> Json:
        sweep, _, number = name.rpartition("_")
        own = self._shelf.get("job", name) is not None
        if not own and number.isdigit() and sweep in self._sweeps.names():
            if int(number) not in self._sweeps.look(sweep).trials:
                raise _not_found(f"job {name}")
            # Of a trial's job only the run history tells.
            return {"id": f"{W}/jobs/{name}", "name": name, "properties": None}
        return self._job(self._found("job", name))

    def _cancel(self, name: str) -> Response:
        sweep, _, number = name.rpartition("_")
        if self._shelf.get("job", name) is None and self._shelf.get("job", sweep) is not None:
            self._sweeps.cancel_trial(sweep, int(number))
        else:
            self._found("job", name)
            self._sweeps.cancel(name)
        return Response(status_code=200)

    def _found(self, kind: str, key: str) -> Json:
        found = self._shelf.get(kind, key)
        if found is None:
            raise _not_found(f"{kind} {key}")
        return found

    def _entity(self, path: str, body: Json) -> Json:
        kind = path.split("/", maxsplit=1)[0]
        return {
            "id": f"{W}/{path}",
            "name": path.rsplit("/", 1)[-1],
            "type": f"Microsoft.MachineLearningServices/workspaces/{kind}",
            "properties": body["properties"],
        }

    def _job(self, job: Json) -> Json:
        """The job with what the service adds: where it stands, its outputs, its page."""
        name = job["name"]
        properties = dict(job["properties"])
        try:
            self._sweeps.upload_finished(name)
            seen = self._sweeps.look(name)
        except (KeyError, OSError):
            seen = None
        status = JOB_WORDS[seen.latest.status] if seen and seen.latest else "NotStarted"
        properties["status"] = status
        properties["services"] = {
            "Studio": {"jobServiceType": "Studio", "endpoint": f"{self._base}/studio/{name}"}
        }
        outputs = {
            "default": {
                "jobOutputType": "uri_folder",
                "uri": "azureml://datastores/workspaceartifactstore/paths/"
                f"ExperimentRun/dcid.{name}/",
            }
        }
        properties["outputs"] = (properties.get("outputs") or {}) | outputs
        if override := self._shelf.get("override", name):
            properties |= override
        return {**job, "properties": properties}
