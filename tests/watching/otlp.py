"""A receiver of traces: a real web server that takes what OTLP over HTTP brings."""

import contextlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class TraceReceiver:
    """Keeps every span that arrives at its port of loopback, and whose it is."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def until(self, wanted: Callable[[list[Span]], bool], *, within: float = 30.0) -> list[Span]:
        """The spans once they satisfy the condition."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if wanted(spans := list(self.spans)):
                return spans
            time.sleep(0.05)
        raise AssertionError(f"not within {within} s: {sorted({s.name for s in self.spans})}")

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, path: str, body: bytes) -> None:
        """A batch has arrived."""
        assert path == "/v1/traces", path
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def attributes(span: Span) -> dict[str, str]:
    """Those of a span that are texts."""
    return {pair.key: pair.value.string_value for pair in span.attributes}


@contextlib.contextmanager
def trace_receiver() -> Iterator[TraceReceiver]:
    """One that listens."""
    receiver = TraceReceiver()
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
