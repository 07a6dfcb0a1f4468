"""A receiver of webhooks: a real web server with a certificate, which answers as it is told."""

import contextlib
import http.server
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from standardwebhooks import Webhook

from tests.served import Json


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the receiver does about one message.

    Attributes:
        wait: seconds before it answers.
        drip: seconds between the bytes of its answer.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    wait: float = 0.0
    drip: float = 0.0


@dataclass(frozen=True)
class Message:
    """A message as it arrived, at a monotonic time, from a port of the sender's."""

    headers: Mapping[str, str]
    body: bytes
    at: float
    port: int

    @property
    def id(self) -> str:
        """What tells doubles."""
        return self.headers["webhook-id"]

    @property
    def content(self) -> Json:
        """What it says."""
        told: Json = json.loads(self.body)
        return told

    def signed_by(self, secret: str) -> Json:
        """What it says, after its signature was verified as receivers do."""
        told: Json = Webhook(secret).verify(self.body, dict(self.headers))
        return told


class Receiver:
    """Takes messages on a port of loopback; answers 204 unless replies are lined up."""

    def __init__(self, names: Sequence[str], authority: trustme.CA | None) -> None:
        self.messages: list[Message] = []
        self.replies: deque[Reply] = deque()
        self.connections = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(*names).configure_cert(context)
            self._server.context = context
        self.port: int = self._server.server_address[1]
        self.scheme = "http" if authority is None else "https"
        self.url = f"{self.scheme}://localhost:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def start(self) -> None:
        """Begin to take messages."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def until(self, count: int, *, within: float = 15.0) -> list[Message]:
        """The messages as soon as there are that many."""
        deadline = time.monotonic() + within
        while len(self.messages) < count:
            assert time.monotonic() < deadline, f"{len(self.messages)} of {count} messages"
            time.sleep(0.01)
        return list(self.messages)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's
        """Encrypt in the connection's own thread, so that one that stalls holds up no other."""
        self.receiver.connections += 1
        with contextlib.suppress(OSError):
            if self.context is None:
                super().finish_request(request, client_address)
                return
            with self.context.wrap_socket(request, server_side=True) as encrypted:
                super().finish_request(encrypted, client_address)

    def handle_error(self, *_: object) -> None:
        """Senders that hang up are what some tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Keep the message, and answer as was told."""
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = {name.lower(): value for name, value in self.headers.items()}
        reply = receiver.replies.popleft() if receiver.replies else Reply()
        receiver.messages.append(Message(sent, body, time.monotonic(), self.client_address[1]))
        time.sleep(reply.wait)
        headers = {"Content-Length": str(len(reply.body)), **reply.headers}
        if reply.status == http.HTTPStatus.NO_CONTENT:
            del headers["Content-Length"]
        lines = [f"HTTP/1.1 {reply.status} Told", *(f"{k}: {v}" for k, v in headers.items())]
        answer = "\r\n".join([*lines, "", ""]).encode() + reply.body
        if not reply.drip:
            self.wfile.write(answer)
            return
        for byte in answer:
            self.wfile.write(bytes([byte]))
            time.sleep(reply.drip)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Receivers:
    """Makes receivers whose certificates one authority has signed; `ca` is its file."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._made: list[Receiver] = []
        self.ca = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.ca)

    def make(self, *names: str, tls: bool = True) -> Receiver:
        """A receiver whose certificate is for these names; by default for localhost."""
        receiver = Receiver(names or ("localhost",), self._authority if tls else None)
        receiver.start()
        self._made.append(receiver)
        return receiver

    def stop(self) -> None:
        """End all of them."""
        for receiver in self._made:
            receiver.stop()


@contextlib.contextmanager
def receivers(folder: Path) -> Iterator[Receivers]:
    """A maker of receivers; those that it made are ended."""
    maker = Receivers(folder)
    try:
        yield maker
    finally:
        maker.stop()
