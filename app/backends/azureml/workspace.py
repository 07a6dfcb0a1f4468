"""The connection to one workspace: sign-in, the SDK's client, MLflow's client; made at first use."""

import gc
import importlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.backends.azureml.outgoing import Outgoing
from app.backends.azureml.tracking import store_of

Untyped = Any
"""Azure's SDK and MLflow have no types to speak of."""
_LIBRARIES = ("mlflow.store.tracking.rest_store", "azure.ai.ml", "azure.identity")
_SCOPE = "https://management.azure.com/.default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which workspace, and how to reach it.

    Attributes:
        instance_discovery: False in private and disconnected clouds, whose authority the public
            one does not know.
        mlflow_url: the workspace's MLflow endpoint; empty: what the workspace says of itself.
        config_problem: why `.azureml/config.json` could not be read; empty: it could, or is not there.
    """

    subscription_id: str
    resource_group: str
    workspace: str
    instance_discovery: bool = True
    mlflow_url: str = ""
    config_problem: str = ""

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
        remedy = self.config_problem or "or write .azureml/config.json"
        return f"{', '.join(absent)} not set ({remedy})"


def config_file(folder: Path) -> tuple[dict[str, str], str]:
    """What `.azureml/config.json` of a folder says, as Azure's own tools write it.

    Returns:
        Its entries, none without such a file; and why it could not be read, or nothing.
    """
    path = folder / ".azureml" / "config.json"
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        return {}, f"{path} cannot be read: {error}"
    if not isinstance(found, dict):
        return {}, f"{path} is no JSON object"
    return {key: str(value) for key, value in found.items()}, ""


class Workspace:
    """Clients of a workspace; safe to share between threads.

    They are made without holding the lock: making them asks Azure, which may take its time.
    """

    def __init__(self, place: Place, *, timeout: float = 20.0) -> None:
        """Describe the workspace.

        Args:
            place: which.
            timeout: seconds until a request counts as unanswered.
        """
        self.place = place
        self.outgoing = Outgoing(timeout)
        self._times: dict[str, Any] = {"connection_timeout": 10, "read_timeout": timeout}
        self._lock = threading.Lock()
        self._import_lock = threading.Lock()
        self._loaded = False
        self._mlflow_host = place.mlflow_url
        self._made: dict[str, Untyped] = {}

    def load_libraries(self) -> None:
        """Import what talks to Azure, once: MLflow cannot be imported by two threads at a time."""
        with self._import_lock:
            if self._loaded:
                return
            for name in _LIBRARIES:
                importlib.import_module(name)
            # They are large, and looking through them holds up every thread.
            gc.freeze()
            self._loaded = True

    def sign_in_again(self) -> None:
        """Forget the credential and all that holds its tokens: one was refused before its time."""
        with self._lock:
            self._made.clear()

    @property
    def credential(self) -> Untyped:
        """Who the service is."""
        return self._once("credential", self._make_credential)

    @property
    def client(self) -> Untyped:
        """The SDK's MLClient."""
        return self._once("client", self._make_client)

    @property
    def tracking(self) -> Untyped:
        """MLflow's store of the workspace, with our credential."""
        return self._once("tracking", self._make_tracking)

    def _once(self, what: str, make: Callable[[], Untyped]) -> Untyped:
        """The one that was made, or a new one; of two made at the same time the first is kept."""
        with self._lock:
            found = self._made.get(what)
        if found is not None:
            return found
        made = make()
        with self._lock:
            return self._made.setdefault(what, made)

    def _make_credential(self) -> Untyped:
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - heavy

        return DefaultAzureCredential(
            disable_instance_discovery=not self.place.instance_discovery,
            # No thread sleeps in a client: trouble is waited out by our own back-off.
            retry_total=0,
            **self._times,
        )

    def _make_client(self) -> Untyped:
        from azure.ai.ml import MLClient  # noqa: PLC0415 - heavy

        _remember_cloud()
        return MLClient(
            self.credential,
            self.place.subscription_id,
            self.place.resource_group,
            self.place.workspace,
            show_progress=False,
            # Only a dropped connection is tried again, and at once.
            retry_total=1,
            retry_status=0,
            raw_request_hook=self.outgoing.leaving,
            raw_response_hook=self.outgoing.arrived,
            **self._times,
        )

    def _make_tracking(self) -> Untyped:
        if not self._mlflow_host:
            workspace = self.client.workspaces.get(self.place.workspace)
            self._mlflow_host = _mlflow_host(workspace.mlflow_tracking_uri)
        return store_of(self._mlflow_host, self._token, self.outgoing)

    def _token(self) -> str:
        token: str = self.credential.get_token(_SCOPE).token
        return token


def _remember_cloud() -> None:
    """Have the SDK keep what it learns of a cloud that it does not know by itself.

    It means to, but stores it under other names, and so asks again with every call.
    """
    from azure.ai.ml import _azure_environments as clouds  # noqa: PLC0415 - heavy

    name = clouds._get_default_cloud_name()  # noqa: SLF001 - there is no other way
    clouds._environments.setdefault(name, clouds._get_cloud(name))  # noqa: SLF001 - likewise


def _mlflow_host(tracking_uri: str) -> str:
    """The address that a plain MLflow client uses for a workspace's `azureml://` address."""
    return tracking_uri.replace("azureml://", "https://", 1).replace("/mlflow/v1.0", "/mlflow/v2.0")
