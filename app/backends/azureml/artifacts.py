"""What runs leave behind: blobs in the workspace's artifact store, listed and fetched."""

import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs

from app.backends.azureml.workspace import Untyped, Workspace
from app.backends.base import Artifact, ArtifactNotFoundError

_STORE = "workspaceartifactstore"
_LOG = "user_logs/std_log.txt"
_HIDDEN = ("logs/", "system_logs/", "user_logs/")
_LOG_STEP = 4 * 1024 * 1024
"""Bytes of a log asked for at once; more would fail while the log grows."""
_KEPT_SECONDS = 3600.0
"""How long access that names no end is used, since keys are changed now and then."""


class Artifacts:
    """Reads the artifact store; files are fetched into a folder of ours."""

    def __init__(self, workspace: Workspace, cache: Path) -> None:
        self._workspace = workspace
        self._cache = cache
        self._lock = threading.Lock()
        self._container: Untyped = None
        self._usable_until = 0.0

    def list(self, run_id: str) -> list[Artifact]:
        """The run's artifacts but for its logs, sorted by path."""
        prefix = _prefix(run_id)
        found = []
        with self._opened() as container:
            blobs = list(container.list_blobs(name_starts_with=prefix))
        for blob in blobs:
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
            with self._opened() as container:
                stream = container.download_blob(_prefix(run_id) + str(pure))
                with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as draft:
                    stream.readinto(draft)
        except ResourceNotFoundError as error:
            raise ArtifactNotFoundError(f"run {run_id} has no artifact {path!r}") from error
        os.replace(draft.name, target)  # noqa: PTH105 - the draft is a name
        return target

    def forget(self, sweep: str, *, dry_run: bool) -> tuple[int, int]:
        """Remove our copies of the files of a sweep's runs; how many there are, and their bytes."""
        copies = [
            path
            for path in self._cache.glob(f"{sweep}_*")
            if path.name.removeprefix(f"{sweep}_").isdecimal()
        ]
        sizes = [
            file.stat().st_size for copy in copies for file in copy.rglob("*") if file.is_file()
        ]
        for copy in copies:
            if not dry_run:
                shutil.rmtree(copy, ignore_errors=True)
        return len(sizes), sum(sizes)

    def log(self, run_id: str, offset: int, within: int | None) -> Iterator[bytes]:
        """The run's log from a byte on, or its last `within` bytes; it has both streams in one."""
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - heavy

        try:
            with self._opened() as container:
                blob = container.get_blob_client(_prefix(run_id) + _LOG)
                if within is not None:
                    offset = max(0, blob.get_blob_properties().size - within)
                while True:
                    part = blob.download_blob(offset=offset, length=_LOG_STEP).readall()
                    yield part
                    offset += len(part)
                    if len(part) < _LOG_STEP:
                        return
        except HttpResponseError as error:
            # No log yet, or nothing beyond the offset.
            if error.status_code not in (404, 416):
                raise

    @contextmanager
    def _opened(self) -> Iterator[Untyped]:
        """The store's container; it is kept as long as the access to it lasts, or until refused."""
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - heavy

        with self._lock:
            container = self._container if time.time() < self._usable_until else None
        if container is None:
            container, until = self._open()
            with self._lock:
                self._container, self._usable_until = container, until
        try:
            yield container
        except HttpResponseError as error:
            if error.status_code in (401, 403):
                with self._lock:
                    self._container = None
                    self._usable_until = 0.0
            raise

    def _open(self) -> tuple[Untyped, float]:
        """A client of the container, and until when (seconds since 1970) it may be used."""
        from azure.storage.blob import ContainerClient  # noqa: PLC0415 - heavy

        store = self._workspace.client.datastores.get(_STORE, include_secrets=True)
        signature = getattr(store.credentials, "sas_token", None)
        key = getattr(store.credentials, "account_key", None)
        client = ContainerClient(
            f"{store.protocol}://{store.account_name}.blob.{store.endpoint}",
            store.container_name,
            credential=signature or key or self._workspace.credential,
            connection_timeout=10,
            read_timeout=60,
        )
        return client, _usable_until(signature)


def _usable_until(signature: str | None) -> float:
    """Nine tenths of what is left of a shared access signature's life."""
    now = time.time()
    ends = parse_qs(signature or "").get("se")
    if not ends:
        return now + _KEPT_SECONDS
    return now + 0.9 * (datetime.fromisoformat(ends[0]).timestamp() - now)


def sha256(path: Path) -> str:
    """The hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _prefix(run_id: str) -> str:
    return f"ExperimentRun/dcid.{run_id}/"
