"""A proxy that removes a path prefix, as those do that show several services under one host.

It knows of HTTP only the head of a request: it removes the prefix, asks for the connection to be
closed after the answer (but for a WebSocket) and passes all other bytes on, both ways.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from socketserver import StreamRequestHandler, ThreadingTCPServer

_GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PrefixProxy(ThreadingTCPServer):
    """Serves http://127.0.0.1:port/PREFIX/... from http://127.0.0.1:TARGET/..."""

    daemon_threads = True

    def __init__(self, prefix: str, target: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.prefix = prefix
        self.target = target
        self.strays: list[str] = []
        """Paths outside the prefix that were asked for: links that lead astray."""

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self.server_address[1]
        return port


class _Connection(StreamRequestHandler):
    """One connection of a browser, and the one to the service that belongs to it."""

    server: PrefixProxy

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            lines = list(iter(self.rfile.readline, b"\r\n"))
            if not lines or b"" in lines:
                return
            method, path, version = lines[0].decode("latin-1").split(" ", 2)
            prefix = self.server.prefix
            if not path.startswith(f"{prefix}/"):
                self.server.strays.append(path)
                self.wfile.write(_GONE)
                return
            lines[0] = f"{method} {path.removeprefix(prefix)} {version}".encode("latin-1")
            if not any(line.lower().startswith(b"upgrade: websocket") for line in lines):
                lines = [line for line in lines if not line.lower().startswith(b"connection:")]
                lines.append(b"Connection: close\r\n")
            self._pass_on(b"".join([*lines, b"\r\n"]))

    def _pass_on(self, head: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as inner:
            inner.sendall(head)
            upwards = threading.Thread(target=self._upwards, args=[inner])
            upwards.start()
            try:
                while some := inner.recv(65536):
                    self.wfile.write(some)
            finally:
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                upwards.join()

    def _upwards(self, inner: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := self.rfile.read1(65536):
                inner.sendall(some)
            inner.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def prefix_proxy(prefix: str, target: int) -> Iterator[PrefixProxy]:
    """A proxy at work."""
    with PrefixProxy(prefix, target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
