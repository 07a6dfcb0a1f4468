"""Requests in a process of their own: as fast as answers come, or at a rate, whatever comes.

Reads a plan as JSON from stdin, prints figures as JSON. Plain streams, so that the client costs
little beside what it measures.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle

import uvloop

from tests.served import ROOT

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_ANSWER = re.compile(rb'"detail":"([^"]*)"')
_WARM_SECONDS = 0.5
_OK = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Requests of one kind: `rate` a second, or without a rate as fast as answers come."""

    title: str
    paths: Sequence[str]
    method: str = "GET"
    body: str = ""
    rate: float = 0.0

    def requests(self) -> Iterator[bytes]:
        """What is sent, again and again."""
        body = self.body.encode()
        for path in cycle(self.paths):
            head = f"{self.method} {path} HTTP/1.1\r\nHost: localhost\r\n"
            if body:
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            yield f"{head}\r\n".encode() + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came of a stream; times in ms, of a rate from the moment a request was due.

    `failed` holds answers that were none of success, and how many there were of each.
    """

    title: str
    count: int
    per_second: float
    median: float
    p99: float
    most: float
    failed: dict[str, int] = field(default_factory=dict)


def load(
    port: int, streams: Sequence[Stream], *, seconds: float, connections: int = 16
) -> dict[str, Figures]:
    """Send them all at once to a service on loopback; figures by title.

    Raises:
        RuntimeError: the client failed, or an answer was none of success.
    """
    found = figures(start(port, streams, seconds=seconds, connections=connections))
    for each in found.values():
        if each.failed:
            raise RuntimeError(f"{each.title}: {each.failed}")
    return found


def start(
    port: int, streams: Sequence[Stream], *, seconds: float, connections: int = 16
) -> "subprocess.Popen[str]":
    """Begin to send; see `figures`."""
    plan = {"port": port, "seconds": seconds, "connections": connections}
    client = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.api_load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if client.stdin is not None:
        with client.stdin as pipe:
            json.dump({**plan, "streams": [asdict(stream) for stream in streams]}, pipe)
    return client


def figures(client: "subprocess.Popen[str]") -> dict[str, Figures]:
    """What came of it, once it has ended.

    Raises:
        RuntimeError: the client failed.
    """
    text = client.stdout.read() if client.stdout is not None else ""
    if client.wait() != 0:
        raise RuntimeError("the client failed")
    return {title: Figures(**values) for title, values in json.loads(text).items()}


class _Client:
    """Connections that are used again, and how long each answer took."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.failed: Counter[str] = Counter()

    async def ask(self, request: bytes) -> None:
        """One request and its whole answer."""
        reader, writer = self._idle.pop() if self._idle else await self._open()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is None:
            raise RuntimeError(head.decode())
        body = await reader.readexactly(int(length[1]))
        if int(head[9:12]) not in _OK:
            words = _ANSWER.search(body)
            detail = words[1] if words else body[:200]
            self.failed[f"{head[9:12].decode()} {detail.decode(errors='replace')}"] += 1
        self._idle.append((reader, writer))

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)


async def _at_once(
    port: int, stream: Stream, seconds: float, connections: int
) -> tuple[list[float], Counter[str]]:
    """As many requests under way as there are connections."""
    client = _Client(port)
    requests = stream.requests()
    begun = time.perf_counter() + _WARM_SECONDS
    took: list[float] = []

    async def one() -> None:
        while (sent := time.perf_counter()) < begun + seconds:
            await client.ask(next(requests))
            if sent >= begun:
                took.append(time.perf_counter() - sent)

    await asyncio.gather(*(one() for _ in range(connections)))
    return took, client.failed


async def _at_rate(
    port: int, stream: Stream, seconds: float, phase: float
) -> tuple[list[float], Counter[str]]:
    """Each request at its time, answered or not the one before; `phase` of 1 is a whole period."""
    client = _Client(port)
    requests = stream.requests()
    begun = time.perf_counter() + _WARM_SECONDS
    took: list[float] = []

    async def one(due: float, request: bytes) -> None:
        await client.ask(request)
        took.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * stream.rate)):
            due = begun + (number + phase) / stream.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due, next(requests)))
    return took, client.failed


async def _run(port: int, streams: Sequence[Stream], seconds: float, connections: int) -> None:
    found = await asyncio.gather(
        *(
            # Streams of different rates would else meet every few seconds, all at once.
            _at_rate(port, stream, seconds, index / len(streams))
            if stream.rate
            else _at_once(port, stream, seconds, connections)
            for index, stream in enumerate(streams)
        )
    )
    shown = {}
    for stream, (took, failed) in zip(streams, found, strict=True):
        took.sort()
        shown[stream.title] = Figures(
            title=stream.title,
            count=len(took),
            per_second=len(took) / seconds,
            median=1000 * took[len(took) // 2],
            p99=1000 * took[int(0.99 * len(took))],
            most=1000 * took[-1],
            failed=dict(failed),
        )
    json.dump({title: asdict(each) for title, each in shown.items()}, sys.stdout)


def main() -> None:
    """Carry out the plan on stdin."""
    plan = json.load(sys.stdin)
    streams = [Stream(**stream) for stream in plan["streams"]]
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_run(plan["port"], streams, plan["seconds"], plan["connections"]))


if __name__ == "__main__":
    main()
