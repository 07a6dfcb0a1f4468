"""A proxy in front of a real service: it loses answers, cuts streams and alters what is answered."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import httpx

Json = dict[str, Any]
Alter = Callable[[Json], Json]
_KEPT = ("content-type", "content-length")


class Proxy(ThreadingHTTPServer):
    """Passes everything on.

    Attributes:
        lose: of how many answers nothing comes back, although the service has had the request.
        fail: a status to answer with, and Retry-After, in place of the service; 0: none.
        cut: bytes after which the next answer's connection breaks; None: never.
        alter: what becomes of an answer that is a JSON object.
        requests: (method, path, headers) of what came.
    """

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.lose = 0
        self.fail = 0
        self.cut: int | None = None
        self.alter: Alter | None = None
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, method: str) -> int:
        """How many requests of that method came."""
        return sum(each[0] == method for each in self.requests)


class _Handler(BaseHTTPRequestHandler):
    """Answers in HTTP/1.0: the end of the connection is the end of the answer."""

    def _pass_on(self) -> None:
        proxy = cast("Proxy", self.server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        proxy.requests.append((self.command, self.path, headers))
        if proxy.fail:
            self.send_response(proxy.fail)
            self.send_header("Retry-After", "2")
            self.end_headers()
            return
        body = self.rfile.read(int(headers.get("content-length", 0)))
        asked = {name: headers[name] for name in headers if name not in ("host", "connection")}
        with httpx.stream(
            self.command, proxy.target + self.path, headers=asked, content=body, timeout=60
        ) as answer:
            if proxy.lose:
                proxy.lose -= 1
                answer.read()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._answer(proxy, answer)

    def _answer(self, proxy: Proxy, answer: httpx.Response) -> None:
        blocks = answer.iter_bytes()
        kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        if proxy.alter is not None and kept.get("content-type", "").endswith("json"):
            altered = json.dumps(proxy.alter(json.loads(answer.read()))).encode()
            blocks, kept["content-length"] = iter([altered]), str(len(altered))
        self.send_response(answer.status_code)
        for name, value in kept.items():
            self.send_header(name, value)
        self.end_headers()
        for block in blocks:
            if proxy.cut is not None and len(block) >= proxy.cut:
                self.wfile.write(block[: proxy.cut])
                proxy.cut = None
                return
            self.wfile.write(block)
            if proxy.cut is not None:
                proxy.cut -= len(block)

    do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815 - the names that http.server asks for

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - of http.server
        """Say nothing."""


@contextlib.contextmanager
def proxy_of(target: str) -> Iterator[Proxy]:
    """A proxy on a free port, in front of that address."""
    with Proxy(target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
