"""A strict reader of Server-Sent Events, in a thread of its own."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any
from urllib.parse import urlencode

from tests.served import Json

STREAM = {"Accept": "text/event-stream"}


class EventReader:
    """Reads one stream after the other, each from where the one before was cut off.

    Attributes:
        events: what arrived, `arrived` when: seconds since 1970.
        begins: the ids at which the streams began.
        clean: whether the last stream was ended properly; None: it goes on.
    """

    def __init__(self, port: int, path: str = "/v1/events", **query: Any) -> None:  # noqa: ANN401 - any parameter
        self.events: list[Json] = []
        self.arrived: list[float] = []
        self.begins: list[int] = []
        self.headers: dict[str, str] = {}
        self.clean: bool | None = None
        self._path = path + (f"?{urlencode(query)}" if query else "")
        self._news = threading.Condition()
        self.connect(port)

    @property
    def ids(self) -> list[int]:
        """The ids of the events, in the order of arrival."""
        return [event["id"] for event in self.events]

    def connect(self, port: int) -> None:
        """Open a stream, after the last event if there was any; back when it has begun."""
        last = (self.ids or self.begins)[-1] if self.begins else None
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        head = [f"GET {self._path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        head += [f"{name}: {value}" for name, value in STREAM.items()]
        head += [] if last is None else [f"Last-Event-ID: {last}"]
        self._socket.sendall("\r\n".join([*head, "", ""]).encode())
        self.clean = None
        begun = len(self.begins)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.until(lambda _: len(self.begins) > begun)

    def until(self, condition: Callable[[list[Json]], bool], *, within: float = 60.0) -> None:
        """Wait until the condition holds of the events."""
        with self._news:
            assert self._news.wait_for(lambda: condition(self.events), within), (
                f"not within {within} s: {self.events[-3:]}"
            )

    def join(self) -> None:
        """Wait for the end of the stream."""
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()

    def close(self) -> None:
        """Leave."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self.join()

    def _read(self) -> None:
        with self._socket, self._socket.makefile("rb") as file:
            try:
                self._read_head(file)
                rest = b""
                for chunk in _chunks(file):
                    *blocks, rest = (rest + chunk).split(b"\n\n")
                    for block in blocks:
                        self._take(block.decode())
                self.clean = not rest
            except (ValueError, OSError):
                self.clean = False

    def _read_head(self, file: IO[bytes]) -> None:
        assert file.readline().split()[1] == b"200"
        while (line := file.readline().decode().strip()) != "":
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value

    def _take(self, text: str) -> None:
        lines = [line.partition(":") for line in text.split("\n")]
        block = {name: value.removeprefix(" ") for name, _, value in lines}
        with self._news:
            if "data" in block:
                assert set(block) == {"event", "data", "id"}
                event: Json = json.loads(block["data"])
                assert (block["event"], block["id"]) == (event["type"], str(event["id"]))
                self.events.append(event)
                self.arrived.append(time.time())
            elif "id" in block:
                self.begins.append(int(block["id"]))
            self._news.notify_all()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The parts of a chunked body; ValueError: it breaks off."""
    while size := int(file.readline(), 16):
        yield file.read(size)
        file.readline()
    file.readline()
