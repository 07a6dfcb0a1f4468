"""Many readers of all events; a process of its own.

It prints a line when all streams are open, reads the id of the newest event from stdin, and prints
what each reader heard, as one line of JSON, when all have come that far.
"""

import asyncio
import json
import re
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

_ID = re.compile(rb"^id: (\d+)", re.MULTILINE)
_MOMENT = re.compile(rb'"at":"([^"]+)"')
_REQUEST = "GET /v1/events HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nLast-Event-ID: 0\r\n\r\n"
_ARRIVAL_SECONDS = 120.0


class Reader:
    """One stream; `ids` of the events that arrived, and how many `seconds` after they were written."""

    def __init__(self, *, timed: bool) -> None:
        self.ids: list[int] = []
        self.seconds: list[float] = []
        self.open = asyncio.Event()
        self._timed = timed
        self._news = asyncio.Event()

    async def read(self, host: str, port: int) -> None:
        """Read until it is cut off."""
        reader, writer = await asyncio.open_connection(host, port, limit=2**20)
        writer.write(_REQUEST.format(host=f"{host}:{port}").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(head.decode())
        rest = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            chunk = (await reader.readexactly(size + 2))[:-2]
            whole, mark, rest = (rest + chunk).rpartition(b"\n\n")
            self._take(whole + mark)

    async def until(self, newest: int) -> None:
        """Wait until that event has arrived."""
        while not self.ids or self.ids[-1] < newest:
            self._news.clear()
            await self._news.wait()

    def _take(self, blocks: bytes) -> None:
        found = [int(number) for number in _ID.findall(blocks)]
        if found and not self.open.is_set():
            found.pop(0)  # where the stream begins
            self.open.set()
        self.ids += found
        self._news.set()
        if self._timed:
            now = time.time()
            for text in _MOMENT.findall(blocks):
                moment = datetime.fromisoformat(text.decode())
                self.seconds.append(now - moment.astimezone(UTC).timestamp())


async def listen(address: str, count: int) -> dict[str, Any]:
    """Open the streams, wait for the newest event, and tell."""
    place = urlsplit(address)
    readers = [Reader(timed=number == 0) for number in range(count)]
    reading = [
        asyncio.create_task(reader.read(str(place.hostname), int(place.port or 80)))
        for reader in readers
    ]
    for reader in readers:
        await reader.open.wait()
    print("open", flush=True)
    newest = int(await asyncio.to_thread(sys.stdin.readline))
    with suppress(TimeoutError):
        async with asyncio.timeout(_ARRIVAL_SECONDS):
            for reader in readers:
                await reader.until(newest)
    for task in reading:
        task.cancel()
    return {"readers": [reader.ids for reader in readers], "seconds": readers[0].seconds}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(listen(sys.argv[1], int(sys.argv[2])))), flush=True)
