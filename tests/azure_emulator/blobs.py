"""The workspace's blob storage: npm's azurite over TLS, its containers and signatures."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

ACCOUNT = "devstoreaccount1"
# pragma: allowlist nextline secret - Azurite's own, which everybody knows
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and key that every azurite has; they are public."""
_BINARY = Path(__file__).parent / "node_modules" / ".bin" / "azurite-blob"


class BlobStore:
    """One azurite process; files that it was given survive its restart."""

    def __init__(self, folder: Path, certificate: Path, key: Path, ca: Path) -> None:
        self._ca = ca
        self.signature_seconds = 8 * 3600
        self.port = _free_port()
        self.host = f"localhost:{self.port}"
        places = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        node = shutil.which("node", path=places) or "node"
        words = [node, str(_BINARY.resolve()), "--location", str(folder), "--silent"]
        words += ["--blobHost", "127.0.0.1", "--blobPort", str(self.port)]
        words += ["--cert", str(certificate), "--key", str(key)]
        words += ["--disableTelemetry", "--skipApiVersionCheck"]
        # The node that pip installs is a script that starts the real one: both are to end.
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
        self._await_port()

    def container(self, name: str) -> ContainerClient:
        """A container, made if it is not there."""
        service = BlobServiceClient(
            f"https://{self.host}/{ACCOUNT}", credential=KEY, connection_verify=str(self._ca)
        )
        client = service.get_container_client(name)
        if not client.exists():
            client.create_container()
        return client

    def address(self, container: str) -> str:
        """A container's address."""
        return f"https://{self.host}/{ACCOUNT}/{container}"

    def signature(self, container: str) -> str:
        """A shared access signature for everything in a container."""
        return generate_container_sas(
            ACCOUNT,
            container,
            account_key=KEY,
            permission=ContainerSasPermissions(
                read=True, write=True, list=True, create=True, delete=True, add=True
            ),
            expiry=datetime.now(UTC) + timedelta(seconds=self.signature_seconds),
        )

    def download(self, container: str, prefix: str, target: Path) -> Path:
        """Copy the blobs below a prefix; a prefix that is one blob becomes one file."""
        client = self.container(container)
        prefix = prefix.strip("/")
        for blob in client.list_blobs(name_starts_with=prefix or None):
            rest = blob.name[len(prefix) :].strip("/")
            path = target / (rest or Path(blob.name).name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(client.download_blob(blob.name).readall())
            if not rest:
                return path
        return target

    def upload(self, container: str, name: str, data: bytes) -> None:
        """Write a blob."""
        self.container(container).upload_blob(name, data, overwrite=True)

    def append(self, container: str, name: str, data: bytes, *, anew: bool) -> None:
        """Write on at the end of a blob, or begin it anew."""
        blob = self.container(container).get_blob_client(name)
        if anew:
            blob.create_append_blob()
        if data:
            blob.append_block(data)

    def close(self) -> None:
        """End azurite."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()

    def _await_port(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("azurite does not listen; was it installed with `make test`?")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
