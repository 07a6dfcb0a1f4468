"""Keeps an open page true: calls back when a sweep has changed."""

from collections.abc import Awaitable, Callable

from fastapi import Request
from nicegui import ui

from app.dashboard.frame import ask, parts
from app.store import events

_LOOK_SECONDS = 0.5


def on_change(request: Request, sweep: str, callback: Callable[[], Awaitable[None]]) -> None:
    """Call back after the sweep has changed, as long as the page is open."""
    db = parts(request).db
    seen = 0

    async def look() -> None:
        nonlocal seen
        newest = await ask(events.newest, db, sweep)
        if newest != seen:
            seen = newest
            await callback()

    ui.timer(_LOOK_SECONDS, look)
