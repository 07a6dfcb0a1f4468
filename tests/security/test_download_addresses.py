"""Inputs that would have the service fetch what only its machine reaches."""

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from app.addresses import Reach
from app.backends.base import BackendError
from app.backends.downloads import Downloads
from app.backends.local_options import ALLOWED_NETWORKS
from tests.served import Served, document

SPELLINGS = (
    *("127.0.0.1", "localhost", "LOCALHOST.", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"),
    *("0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),  # noqa: S104 - nothing is bound
    *("user:word@127.0.0.1", "8.8.8.8@127.0.0.1", "127.0.0.1%2e", "①②⑦.0.0.1"),
)
"""This machine, as people have written it to get past a check."""
ELSEWHERE = (
    *("169.254.169.254", "2852039166", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"),
    *("168.63.129.16", "100.100.100.200", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1"),
    *("[fe80::1]", "[fc00::1]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]"),
)
"""What tells a cloud's machine its secrets, and networks of its own."""


class _Inside(http.server.BaseHTTPRequestHandler):
    """What only this machine reaches; leads on to where the query says."""

    asked: list[str] = []

    def do_GET(self) -> None:
        """Answer, or lead on."""
        self.asked.append(f"{self.headers['Host']} {self.path}")
        leads = self.path.partition("?to=")[2]
        self.send_response(HTTPStatus.FOUND if leads else HTTPStatus.OK)
        if leads:
            self.send_header("Location", leads)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"secret")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def inside(address: str) -> Iterator[int]:
    """The port of a server at that address of this machine."""
    _Inside.asked = []
    with http.server.ThreadingHTTPServer((address, 0), _Inside) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def fetch(folder: Path, url: str, *allowed: str) -> bytes:
    """What a service with these allowed networks gets from there."""
    downloads = Downloads(
        folder,
        reach=Reach(allowed, setting=ALLOWED_NETWORKS),
        proxy="",
        max_bytes=1000,
        timeout=20,
        stopping=threading.Event(),
    )
    return downloads.fetch(url).read_bytes()


@pytest.mark.parametrize("host", SPELLINGS)
def test_this_machine_is_not_asked_however_it_is_written(tmp_path: Path, host: str) -> None:
    """Nothing arrives there."""
    with inside("127.0.0.1") as port:
        with pytest.raises(BackendError, match=r"not public|has no address|cannot be downloaded"):
            fetch(tmp_path, f"http://{host}:{port}/")
        assert _Inside.asked == []


@pytest.mark.parametrize("host", ELSEWHERE)
def test_addresses_of_the_network_and_of_clouds_are_refused(tmp_path: Path, host: str) -> None:
    """By the rule, at once: nobody waits for a connection."""
    with pytest.raises(BackendError, match="not public"):
        fetch(tmp_path, f"http://{host}/latest/meta-data/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433"])
def test_a_redirect_does_not_lead_inside(tmp_path: Path, host: str) -> None:
    """A permitted server that sends on to one that is not."""
    with inside("127.0.0.2") as port:
        url = f"http://127.0.0.2:{port}/?to=http://{host}:{port}/secret"
        with pytest.raises(BackendError, match="not public"):
            fetch(tmp_path, url, "127.0.0.2")
        assert len(_Inside.asked) == 1


def test_a_name_that_leads_elsewhere_a_moment_later_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was looked at is the one that is connected to; the host's name is kept."""
    known, asked = socket.getaddrinfo, []

    def rebinding(host: Any, *more: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
        """A name server of somebody bad: the first answer is good, later ones are not."""
        if host != "data.example":
            return known(host, *more, **options)
        asked.append(host)
        return known("127.0.0.2" if len(asked) == 1 else "127.0.0.1", *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with inside("127.0.0.2") as port:
        url = f"http://data.example:{port}/rows.csv"
        assert fetch(tmp_path, url, "127.0.0.2") == b"secret"
        assert _Inside.asked == [f"data.example:{port} /rows.csv"]
        with pytest.raises(BackendError, match=r"127\.0\.0\.1, which is not public"):
            fetch(tmp_path, url, "127.0.0.2")


def test_the_environments_proxy_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would connect to where it likes."""
    with inside("127.0.0.1") as port:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        with pytest.raises(BackendError, match="not public"):
            fetch(tmp_path, "http://169.254.169.254/")
        assert _Inside.asked == []


def test_a_proxy_of_the_settings_is_asked(tmp_path: Path) -> None:
    """It decides where inputs may come from."""
    with inside("127.0.0.1") as port:
        downloads = Downloads(
            tmp_path,
            reach=Reach((), setting=ALLOWED_NETWORKS),
            proxy=f"http://127.0.0.1:{port}",
            max_bytes=1000,
            timeout=20,
            stopping=threading.Event(),
        )
        assert downloads.fetch("http://data.invalid/rows.csv").read_bytes() == b"secret"
        assert _Inside.asked == ["data.invalid http://data.invalid/rows.csv"]


def test_a_sweep_with_such_an_input_fails_with_the_reason(service: Served) -> None:
    """By default, through the whole service; no trial starts."""
    with inside("127.0.0.1") as port:
        data = {"type": "uri_file", "path": f"http://localhost:{port}/"}
        body = document(
            "cat ${{inputs.data}}",
            {"x": {"type": "choice", "values": [1]}},
            inputs={"data": data},
        )
        sweep = service.finished(service.submit(body)["name"])
        assert sweep["status"] == "failed"
        assert "SWEEPFRONT_DOWNLOAD_ALLOWED_NETWORKS" in sweep["status_reason"]
        assert sweep["trial_counts"]["total"] == 0
        assert _Inside.asked == []
