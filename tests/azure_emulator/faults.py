"""Misbehaviour on demand: latency, refusals, dropped connections, answers that get lost."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(slots=True)
class Fault:
    """What happens to requests whose "METHOD path" matches.

    Attributes:
        times: how often it still happens; -1: always.
        status: answer with this instead.
        headers: of that answer.
        message: of that answer.
        delay: seconds to wait first.
        drop: hang up instead of answering: "before" the work is done, or "after".
        after: do the work first, then wait and answer so.
        every: only every so-manieth matching request.
        chance: and only with this probability, by a sequence that `seed` fixes.
        stale: answer what was answered to the first request of its kind since the plan.
    """

    match: str
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "the emulator was told to fail"
    delay: float = 0.0
    drop: str | None = None
    after: bool = False
    every: int = 1
    chance: float = 1.0
    seed: int = 0
    stale: bool = False
    seen: int = 0
    first: dict[bytes, list[Message]] = field(default_factory=dict)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - repeatable misfortune


class Faults:
    """ASGI middleware; also counts the requests.

    Attributes:
        requests: when each came (monotonic seconds), and its "METHOD path".
        throttled: when each request was refused with Retry-After, and the seconds it named.
        disturbed: how many requests met a fault.
    """

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.faults: list[Fault] = []
        self.requests: list[tuple[float, str]] = []
        self.throttled: list[tuple[float, float]] = []
        self.disturbed = 0

    def plan(self, wanted: list[dict[str, Any]]) -> None:
        """Replace the plan of faults, and forget the requests so far."""
        self.faults = [Fault(**fault) for fault in wanted]
        self.requests = []
        self.throttled = []
        self.disturbed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or not."""
        assert self.app is not None
        if scope["type"] != "http" or scope["path"].startswith("/control/"):
            await self.app(scope, receive, send)
            return
        line = f"{scope['method']} {scope['path']}"
        self.requests.append((time.monotonic(), line))
        stale = next((f for f in self.faults if f.stale and re.search(f.match, line)), None)
        if stale is not None:
            self.disturbed += await _stale(stale, self.app, scope, receive, send)
            return
        fault = self._due(line)
        if fault is None:
            await self.app(scope, receive, send)
            return
        self.disturbed += 1
        if fault.after:
            await self.app(scope, receive, _nowhere)
        await asyncio.sleep(fault.delay)
        if fault.drop == "after":
            await self.app(scope, receive, _nowhere)
        if fault.drop:
            # An answer that breaks its promise of length makes the server hang up.
            headers = [(b"content-length", b"1000")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            raise ConnectionResetError(line)
        if fault.status is None and not fault.after:
            await self.app(scope, receive, send)
            return
        await _answer(fault, send)
        if "Retry-After" in fault.headers:
            self.throttled.append((time.monotonic(), float(fault.headers["Retry-After"])))

    def _due(self, line: str) -> Fault | None:
        for fault in self.faults:
            if fault.times != 0 and re.search(fault.match, line):
                fault.seen += 1
                if fault.seen % fault.every == 0 and fault.random.random() < fault.chance:
                    fault.times -= 1
                    return fault
        return None


async def _stale(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> bool:
    """Answer anew or as the first time, in turns of `every`; True: as the first time."""
    body = await receive()
    key = scope["path"].encode() + scope["query_string"] + body.get("body", b"")
    fault.seen += 1
    if key in fault.first and fault.seen % fault.every == 0:
        for message in fault.first[key]:
            await send(message)
        return True
    kept: list[Message] = []

    async def given() -> Message:
        return body

    async def keep(message: Message) -> None:
        kept.append(message)
        await send(message)

    await app(scope, given, keep)
    fault.first.setdefault(key, kept)
    return False


async def _nowhere(_: Message) -> None:
    """Where lost answers go."""


async def _answer(fault: Fault, send: Send) -> None:
    body = f'{{"error": {{"code": "Emulated", "message": "{fault.message}"}}}}'.encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    headers |= fault.headers
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    status = fault.status or 500
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
