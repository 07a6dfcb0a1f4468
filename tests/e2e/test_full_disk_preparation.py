"""No room for what a sweep needs before its first trial."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.disks import full, small_disk
from tests.served import Served, document, served

ONE = {"x": {"type": "choice", "values": [1]}}

pytestmark = pytest.mark.slow


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    """A service whose folder is a small disk, with its database elsewhere."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "requirements.txt").write_text("six\n")
    url = f"sqlite:///{tmp_path / 'records.db'}"
    disk = tmp_path / "disk"
    environment = {"SWEEPFRONT_DOWNLOAD_ALLOWED_NETWORKS": "127.0.0.1"}
    with (
        small_disk(disk, mebibytes=16),
        served(disk, code_root=root, database_url=url, environment=environment) as running,
    ):
        yield running


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a file on the web."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "data.csv").write_text("x\n" * 10_000)
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/data.csv"
    server.shutdown()
    server.server_close()


def test_a_download_without_room_waits_for_it(service: Served, address: str) -> None:
    """The sweep says what it waits for, and runs when there is room."""
    inputs = {"data": {"type": "uri_file", "path": address}}
    body = document("cat ${{inputs.data}}", ONE, inputs=inputs, limits={"max_total_trials": 1})
    with full(service.data):
        name = service.submit(body)["name"]
        service.until(name, lambda sweep: "No space left" in (sweep["sync_error"] or ""))
        assert service.get(f"/v1/sweeps/{name}")["status"] in ("submitting", "queued")
    assert service.finished(name)["status"] == "completed"


def test_an_environment_without_room_waits_for_it(service: Served) -> None:
    """Likewise; the installer's words are not taken for a fault of the document."""
    body = document("true", ONE)
    body["trial"]["environment"] = "requirements.txt"
    with full(service.data):
        name = service.submit(body)["name"]
        service.until(name, lambda sweep: "No space left" in (sweep["sync_error"] or ""))
        assert service.get(f"/v1/sweeps/{name}")["status"] in ("submitting", "queued")
        assert service.client.post(f"/v1/sweeps/{name}/cancel").status_code == 202
        assert service.finished(name)["status"] == "canceled"
