"""The pages, whose library is loaded when the first one is asked for, or a while after the start."""

import asyncio
import gc
from collections.abc import Callable
from contextlib import AsyncExitStack

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.parts import DASHBOARD, EMBED

WARM_SECONDS = 30.0
"""After the start; who opens a page earlier waits for the library."""


def mount_pages(app: FastAPI) -> "LatePages":
    """Answer below /dashboard, and below /embed what the pages have below /dashboard/embed."""
    pages = LatePages(_build)

    async def embedded(scope: Scope, receive: Receive, send: Send) -> None:
        prefix = scope["root_path"].removesuffix(EMBED)
        path = prefix + DASHBOARD + scope["path"].removeprefix(prefix)
        moved = {"root_path": prefix + DASHBOARD, "path": path}
        await pages({**scope, **moved}, receive, send)

    app.mount(DASHBOARD, pages)
    app.mount(EMBED, embedded)
    return pages


def _build() -> FastAPI:
    from app.dashboard.mount import build  # noqa: PLC0415 - the reason for this file

    return build()


class LatePages:
    """An ASGI application that is made late; its coroutines belong to one event loop."""

    def __init__(self, build: Callable[[], FastAPI]) -> None:
        """Call `build`, in a thread, when it is time."""
        self._build = build
        self._app: FastAPI | None = None
        self._building = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._warming: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, by the pages."""
        app = await self._ready()
        await app(scope, receive, send)

    def start(self) -> None:
        """Have them made soon."""
        self._warming = asyncio.create_task(self._warm())

    async def stop(self) -> None:
        """End them in order."""
        if self._warming is not None:
            self._warming.cancel()
        async with self._building:
            await self._stack.aclose()

    async def _warm(self) -> None:
        await asyncio.sleep(WARM_SECONDS)
        await self._ready()

    async def _ready(self) -> FastAPI:
        async with self._building:
            if self._app is None:
                app = await asyncio.to_thread(self._build)
                gc.freeze()  # as the server did at its start
                await self._stack.enter_async_context(app.router.lifespan_context(app))
                self._app = app
            return self._app
