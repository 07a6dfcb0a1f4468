"""How the service talks to the engine: lines of JSON over a Unix socket in the workspace.

A request is `{"id", "op", "args"}`; its answer `{"id", "result"}` or `{"id", "error", "code"}`. The engine also says `{"changed": sweep}` to every connection when a sweep has news.
"""

import json
import selectors
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.engine.wire import Stream, connect

Value = object
UNKNOWN = "unknown-sweep"
UNWRITABLE = "unwritable"
FAILED = "failed"
"""Kinds of refusals: no such sweep; the engine cannot write to its folder now; any other."""


@dataclass(frozen=True, slots=True)
class About:
    """What an engine answers to `ping`.

    Attributes:
        trouble: why it cannot write to its folder, and starts no trials; None when it can.
        services: how many are connected and not about to end.
        settings: what it was started with; see `app.engine.limits.in_words_of_settings`.
        busy: slots that are taken by a trial.
    """

    trouble: str | None
    services: int
    settings: dict[str, float | None]
    busy: int = 0


class EngineRefusedError(Exception):
    """The engine answered with an error; `code` tells which kind."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class EngineGoneError(Exception):
    """There is no engine at the other end (any more)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a connection asked for; answer it with `Connection.answer` or `Connection.refuse`."""

    connection: "Connection"
    id: int
    op: str
    args: Mapping[str, Value]


class Connection:
    """The engine's end of one connection."""

    def __init__(
        self,
        peer: socket.socket,
        selector: selectors.BaseSelector,
        *,
        on_request: Callable[[Request], None],
        on_end: Callable[["Connection"], None],
    ) -> None:
        """Watch the peer on the selector; see `app.engine.wire.Stream`."""
        self._on_request = on_request
        self._received = b""
        self._stream = Stream(peer, selector, on_data=self._receive, on_end=lambda: on_end(self))

    def answer(self, request_id: int, result: Value) -> None:
        """Send the result of a request."""
        self._send({"id": request_id, "result": result})

    def refuse(self, request_id: int, message: str, code: str) -> None:
        """Send an error instead of a result."""
        self._send({"id": request_id, "error": message, "code": code})

    def tell_changed(self, sweep: str) -> None:
        """Say that a sweep has news."""
        self._send({"changed": sweep})

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def _receive(self, data: bytes) -> None:
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            body = json.loads(line)
            self._on_request(Request(self, body["id"], body["op"], body["args"]))

    def _send(self, body: Mapping[str, Value]) -> None:
        self._stream.send(json.dumps(body).encode() + b"\n")


class EngineClient:
    """The service's end: calls from any thread, news by callback from a thread of its own."""

    def __init__(
        self, path: Path, *, changed: Callable[[str], None], lost: Callable[[], None]
    ) -> None:
        """Connect.

        Args:
            path: the engine's control socket.
            changed: called with a sweep's name whenever it has news.
            lost: called once when the engine goes without having been asked to.

        Raises:
            EngineGoneError: nobody listens there.
        """
        try:
            self._peer = connect(path)
        except OSError as error:
            raise EngineGoneError(f"no engine listens in {path.parent}: {error}") from error
        self._changed = changed
        self._lost = lost
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Value]] = {}
        self._next_id = 0
        self._closing = False
        self._gone = False
        self._reader = threading.Thread(target=self._read, name="engine-news", daemon=True)
        self._reader.start()

    def call(self, op: str, *, timeout: float = 30.0, **args: Value) -> Value:
        """Ask the engine and wait for its answer.

        Raises:
            EngineRefusedError: the engine said no.
            EngineGoneError: it is gone, or did not answer within `timeout` seconds.
        """
        future: Future[Value] = Future()
        with self._lock:
            if self._gone:
                raise EngineGoneError("the engine went away")
            self._next_id += 1
            request_id = self._next_id
            self._waiting[request_id] = future
            body = {"id": request_id, "op": op, "args": args}
            try:
                self._peer.sendall(json.dumps(body).encode() + b"\n")
            except OSError as error:
                raise EngineGoneError(f"the engine went away: {error}") from error
        try:
            return future.result(timeout)
        except TimeoutError as error:
            raise EngineGoneError(f"the engine did not answer {op} in {timeout:g} s") from error
        finally:
            self._waiting.pop(request_id, None)

    def close(self) -> None:
        """Hang up without a word to `lost`."""
        self._closing = True
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._reader.join(timeout=5)
        self._peer.close()

    def _read(self) -> None:
        with self._peer.makefile("rb") as lines, suppress(OSError, ValueError):
            for line in lines:
                self._take(json.loads(line))
        with self._lock:
            self._gone = True
            for future in self._waiting.values():
                # One that has its answer is there until its caller has noticed.
                if not future.done():
                    future.set_exception(EngineGoneError("the engine went away"))
        if not self._closing:
            self._lost()

    def _take(self, body: dict[str, Value]) -> None:
        if "changed" in body:
            self._changed(str(body["changed"]))
            return
        future = self._waiting.get(int(str(body["id"])))
        if future is None or future.done():
            return
        if "error" in body:
            future.set_exception(EngineRefusedError(str(body["error"]), str(body["code"])))
        else:
            future.set_result(body["result"])
