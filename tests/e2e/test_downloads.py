"""Inputs from the web and copies of cloud data on the local backend, with a real web server."""

import http.server
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.e2e.conftest import DOWNLOAD_BYTES
from tests.served import Json, Served, document

ONE = {"x": {"type": "choice", "values": [1]}}
READS = """
import mlflow, pathlib, sys
path = pathlib.Path(sys.argv[1])
mlflow.log_metric("loss", path.stat().st_size if path.is_file() else -1)
print(path.name)
"""


class _Web(http.server.BaseHTTPRequestHandler):
    """What the tests ask for; counts the bodies that it sends, by path."""

    sent: Counter[str] = Counter()
    failures: Counter[str] = Counter()

    def do_GET(self) -> None:
        """Answer by path."""
        path = self.path.split("?")[0]
        if path == "/hop":
            self._empty(HTTPStatus.FOUND, Location="/rows.csv")
        elif path == "/loop":
            self._empty(HTTPStatus.FOUND, Location="/loop")
        elif path == "/away":
            self._empty(HTTPStatus.FOUND, Location="file:///etc/passwd")
        elif path == "/gone.csv":
            self._empty(HTTPStatus.NOT_FOUND)
        elif path == "/shaky.csv" and not self.failures[path]:
            self.failures[path] += 1
            self._empty(HTTPStatus.SERVICE_UNAVAILABLE)
        elif path == "/rows.csv" and self.headers.get("If-None-Match") == '"v1"':
            self._empty(HTTPStatus.NOT_MODIFIED, ETag='"v1"')
        elif path == "/endless.bin":
            self._endless()
        else:
            self.sent[path] += 1
            self.send_response(HTTPStatus.OK)
            self.send_header("ETag", '"v1"')
            self.send_header(
                "Content-Length", str(DOWNLOAD_BYTES + 1 if path == "/big.bin" else 1000)
            )
            self.end_headers()
            time.sleep(0.5 if path == "/slow.csv" else 0)
            self.wfile.write(b"x" * 1000)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def _empty(self, status: HTTPStatus, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _endless(self) -> None:
        """A body of no known length that ends when the reader has enough."""
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 10_000)
        except OSError:
            self.close_connection = True


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """The address of a web server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def service(equipped: Served, equipped_root: Path) -> Served:
    """A service that downloads little, and knows copies of some cloud data."""
    (equipped_root / "reads").mkdir()
    (equipped_root / "reads" / "reads.py").write_text(READS)
    (equipped_root / "cifar").mkdir()
    (equipped_root / "cifar" / "a.csv").write_bytes(b"x" * 77)
    return equipped


def _body(path: str, kind: str = "uri_file", **more: object) -> Json:
    return document(
        "python reads.py ${{inputs.data}}",
        ONE,
        code="reads",
        inputs={"data": {"type": kind, "path": path}},
        limits={"max_total_trials": 1},
        **more,
    )


def _read(service: Served, path: str, kind: str = "uri_file") -> tuple[str, float]:
    """The name and size of the input that a trial saw."""
    name = service.submit(_body(path, kind, tags={"at": str(time.time_ns())}))["name"]
    sweep = service.finished(name)
    assert sweep["status"] == "completed", sweep["status_reason"]
    log = service.client.get(f"/v1/sweeps/{name}/trials/0/logs").text
    return log.strip(), service.get(f"/v1/sweeps/{name}/trials/0")["objective_value"]


def test_a_file_from_the_web_is_fetched_once_and_keeps_its_name(service: Served, web: str) -> None:
    """While the server says that it has not changed; a redirect is followed."""
    for _ in range(3):
        assert _read(service, f"{web}/rows.csv?signature=abc") == ("rows.csv", 1000)
    assert _Web.sent["/rows.csv"] == 1
    assert _read(service, f"{web}/hop") == ("hop", 1000)
    files = [path for path in (service.data / "engine" / "downloads").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o222 for path in files if path.name == "rows.csv"} == {0}


def test_two_sweeps_at_once_fetch_a_file_once(service: Served, web: str) -> None:
    """And the request that submits does not wait for the download."""
    start = time.monotonic()
    bodies = [_body(f"{web}/slow.csv", tags={"n": n}) for n in ("1", "2")]
    names = [service.submit(body)["name"] for body in bodies]
    assert time.monotonic() - start < 5
    assert {service.finished(name)["status"] for name in names} == {"completed"}
    place = service.data / "engine" / "downloads"
    assert len(list(place.glob("*/slow.csv"))) == 1


def test_a_server_that_stumbles_is_asked_again(service: Served, web: str) -> None:
    """A passing trouble ends no sweep."""
    assert _read(service, f"{web}/shaky.csv") == ("shaky.csv", 1000)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/gone.csv?secret=abc", "/gone.csv cannot be downloaded: the server answers 404"),
        ("/big.bin", "it is longer than 100000 bytes (SWEEPFRONT_MAX_DOWNLOAD_BYTES)"),
        ("/endless.bin", "it is longer than 100000 bytes (SWEEPFRONT_MAX_DOWNLOAD_BYTES)"),
        ("/loop", "redirects"),
        ("/away", "file"),
    ],
)
def test_a_failed_download_fails_the_sweep_with_the_reason(
    service: Served, web: str, path: str, words: str
) -> None:
    """No trial starts, and what may be secret in the address is not shown."""
    sweep = service.finished(service.submit(_body(web + path))["name"])
    assert sweep["status"] == "failed"
    assert words in sweep["status_reason"]
    assert "abc" not in sweep["status_reason"]
    assert sweep["trial_counts"]["total"] == 0
    assert not list((service.data / "engine" / "downloads").glob(".draft-*"))


def test_copies_of_cloud_data_stand_for_it(service: Served) -> None:
    """By the beginning of the path; the rest leads further down."""
    assert _read(service, "azureml:cifar10-data:1", "uri_folder") == ("cifar", -1)
    assert _read(service, "azureml://datastores/store/paths/cifar/a.csv") == ("a.csv", 77)
    assert _read(service, "https://example.invalid/copy.csv") == ("a.csv", 77)


@pytest.mark.parametrize(
    ("path", "kind", "where", "words"),
    [
        ("azureml:other:1", "uri_folder", "path", "SWEEPFRONT_DATA_MAPPINGS"),
        ("azureml:cifar10-data:12", "uri_folder", "path", "SWEEPFRONT_DATA_MAPPINGS"),
        ("wasbs://box@account.blob.example/a.csv", "uri_file", "path", "in the cloud"),
        ("abfss://box@account.dfs.example/a.csv", "uri_file", "path", "in the cloud"),
        ("adl://account.example/a.csv", "uri_file", "path", "in the cloud"),
        ("ftp://example.invalid/a.csv", "uri_file", "path", "does not exist in a code root"),
        ("https://example.invalid/folder/", "uri_folder", "type", "use type: uri_file"),
        ("https:///a.csv", "uri_file", "path", "HOST"),
        ("azureml:cifar10-data:1", "uri_file", "path", "which is no file"),
        ("azureml://datastores/store/paths/../../x", "uri_file", "path", "in the cloud"),
    ],
)
def test_what_is_out_of_reach_is_refused_with_the_remedy(
    service: Served, path: str, kind: str, where: str, words: str
) -> None:
    """Before anything is stored."""
    answer = service.client.post("/v1/sweeps", json=_body(path, kind))
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"/inputs/data/{where}"
    assert words in error["message"]
