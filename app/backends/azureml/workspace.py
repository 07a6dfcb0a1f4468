"""The connection to one workspace: sign-in, the SDK's client, MLflow's client; made at first use."""

import importlib
import json
import os
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from app.backends.azureml.circuit import Circuit

Untyped = Any
"""Azure's SDK and MLflow have no types to speak of."""
_TIMES: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 60, "retry_total": 2}
_LIBRARIES = ("mlflow.store.tracking.rest_store", "azure.ai.ml", "azure.identity")
_SCOPE = "https://management.azure.com/.default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which workspace, and how to reach it.

    Attributes:
        instance_discovery: False in private and disconnected clouds, whose authority the public
            one does not know.
        mlflow_url: the workspace's MLflow endpoint; empty: what the workspace says of itself.
    """

    subscription_id: str
    resource_group: str
    workspace: str
    instance_discovery: bool = True
    mlflow_url: str = ""

    def missing(self) -> str | None:
        """The settings that are missing, in words; None when all are there."""
        given = {
            "SWEEPFRONT_AZURE_SUBSCRIPTION_ID": self.subscription_id,
            "SWEEPFRONT_AZURE_RESOURCE_GROUP": self.resource_group,
            "SWEEPFRONT_AZURE_WORKSPACE": self.workspace,
        }
        absent = [name for name, value in given.items() if not value]
        if not absent:
            return None
        return f"{', '.join(absent)} not set (or write .azureml/config.json)"


def config_file(folder: Path) -> dict[str, str]:
    """What `.azureml/config.json` of a folder says, as Azure's own tools write it; empty without."""
    try:
        found = json.loads((folder / ".azureml" / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}


class Workspace:
    """Clients of a workspace; safe to share between threads."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.circuit = Circuit()
        self._lock = threading.Lock()
        self._loaded = False
        # One budget per look: our own back-off comes on top of whatever a client retries.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")

    def load_libraries(self) -> None:
        """Import what talks to Azure, once: MLflow cannot be imported by two threads at a time."""
        with self._lock:
            if self._loaded:
                return
            for name in _LIBRARIES:
                importlib.import_module(name)
            self._loaded = True

    def sign_in_again(self) -> None:
        """Forget the credential and all that holds its tokens: one was refused before its time."""
        with self._lock:
            for name in ("_credential", "_client", "_tracking"):
                self.__dict__.pop(name, None)

    @property
    def credential(self) -> Untyped:
        """Who the service is."""
        with self._lock:
            return self._credential

    @property
    def client(self) -> Untyped:
        """The SDK's MLClient."""
        with self._lock:
            return self._client

    @property
    def tracking(self) -> Untyped:
        """MLflow's store of the workspace, with our credential."""
        with self._lock:
            return self._tracking

    @cached_property
    def _credential(self) -> Untyped:
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - heavy

        return DefaultAzureCredential(disable_instance_discovery=not self.place.instance_discovery)

    @cached_property
    def _client(self) -> Untyped:
        from azure.ai.ml import MLClient  # noqa: PLC0415 - heavy

        return MLClient(
            self._credential,
            self.place.subscription_id,
            self.place.resource_group,
            self.place.workspace,
            show_progress=False,
            **_TIMES,
        )

    @cached_property
    def _tracking(self) -> Untyped:
        from mlflow.store.tracking.rest_store import RestStore  # noqa: PLC0415 - heavy
        from mlflow.utils.rest_utils import MlflowHostCreds  # noqa: PLC0415 - heavy

        host = self.place.mlflow_url or _mlflow_host(
            self._client.workspaces.get(self.place.workspace).mlflow_tracking_uri
        )
        # Asked for at every call, so that the token is never an old one.
        return RestStore(
            lambda: MlflowHostCreds(host, token=self._credential.get_token(_SCOPE).token)
        )


def _mlflow_host(tracking_uri: str) -> str:
    """The address that a plain MLflow client uses for a workspace's `azureml://` address."""
    return tracking_uri.replace("azureml://", "https://", 1).replace("/mlflow/v1.0", "/mlflow/v2.0")
