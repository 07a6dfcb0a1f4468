"""What runs leave behind: blobs in the workspace's artifact store, listed and fetched."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from app.backends.azureml.workspace import Untyped, Workspace
from app.backends.base import Artifact, ArtifactNotFoundError

_STORE = "workspaceartifactstore"
_LOG = "user_logs/std_log.txt"
_HIDDEN = ("logs/", "system_logs/", "user_logs/")


class Artifacts:
    """Reads the artifact store; files are fetched into a folder of ours."""

    def __init__(self, workspace: Workspace, cache: Path) -> None:
        self._workspace = workspace
        self._cache = cache

    def list(self, run_id: str) -> list[Artifact]:
        """The run's artifacts but for its logs, sorted by path."""
        prefix = _prefix(run_id)
        found = []
        for blob in self._container().list_blobs(name_starts_with=prefix):
            path = blob.name.removeprefix(prefix)
            if not path.startswith(_HIDDEN):
                found.append(Artifact(path=path, size=blob.size, modified_at=blob.last_modified))
        return sorted(found, key=lambda artifact: artifact.path)

    def fetch(self, run_id: str, path: str) -> Path:
        """A local copy of one artifact.

        Raises:
            ArtifactNotFoundError: the run has none of that path.
        """
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - heavy

        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\0" in path or not pure.parts:
            raise ArtifactNotFoundError(f"run {run_id} has no artifact {path!r}")
        target = self._cache / run_id / pure
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            stream = self._container().download_blob(_prefix(run_id) + str(pure))
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as draft:
                stream.readinto(draft)
        except ResourceNotFoundError as error:
            raise ArtifactNotFoundError(f"run {run_id} has no artifact {path!r}") from error
        os.replace(draft.name, target)  # noqa: PTH105 - the draft is a name
        return target

    def log(self, run_id: str, offset: int) -> Iterator[bytes]:
        """The run's log from a byte on; Azure keeps standard output and error in one."""
        try:
            data = self.fetch(run_id, _LOG).read_bytes()
        except ArtifactNotFoundError:
            return
        yield data[offset:]

    def _container(self) -> Untyped:
        from azure.storage.blob import ContainerClient  # noqa: PLC0415 - heavy

        store = self._workspace.client.datastores.get(_STORE, include_secrets=True)
        credential = getattr(store.credentials, "sas_token", None) or getattr(
            store.credentials, "account_key", None
        )
        return ContainerClient(
            f"{store.protocol}://{store.account_name}.blob.{store.endpoint}",
            store.container_name,
            credential=credential or self._workspace.credential,
            connection_timeout=10,
            read_timeout=60,
        )


def sha256(path: Path) -> str:
    """The hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _prefix(run_id: str) -> str:
    return f"ExperimentRun/dcid.{run_id}/"
