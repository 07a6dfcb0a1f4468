"""Keeps an open page true: calls back when something has changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import Request
from nicegui import background_tasks, ui

from app.dashboard.frame import parts
from app.services.stream import StreamOverError
from app.sweep.errors import SweepfrontError
from app.sweep.record import Event

PAUSE_SECONDS = 0.4
"""Between two calls at least."""
_BUSY_SHARE = 4
"""A page whose drawing takes long is drawn so many times less often than it could be."""
_RETRY_SECONDS = 2.0
_OF_ONE_TRIAL = frozenset({"trial.metric", "trial.decision", "trial.details"})
"""Types of events that say nothing about other trials; a new status may make it the best, or alike."""

Callback = Callable[[set[str]], Awaitable[None]]
"""Is told the names of the sweeps that have changed."""


def on_change(
    request: Request,
    sweep: str | None,
    callback: Callback,
    *,
    since: int,
    trial: int | None = None,
) -> None:
    """Call back after something has changed, as long as the page is open.

    Changes that come while a call runs, or soon after one another, make one call.

    Args:
        request: of the page.
        sweep: the one that counts; None: all.
        callback: draws what has changed.
        since: id of the newest event at the time of what the page shows.
        trial: the only one whose reports and decisions count; None: all.
    """
    broadcast, caller = parts(request).broadcast, parts(request).caller
    client = ui.context.client

    async def follow() -> None:
        position = since
        while not client.is_deleted:
            try:
                async with broadcast.subscribe(
                    sweep, projects=caller.projects, after=position
                ) as stream:
                    while True:
                        told = [each.event for each in await stream.take()]
                        started = time.monotonic()
                        if any(_counts(event, trial) for event in told):
                            await callback({event.sweep for event in told if event.sweep})
                        position = stream.position
                        took = time.monotonic() - started
                        await asyncio.sleep(max(PAUSE_SECONDS, _BUSY_SHARE * took))
            except StreamOverError:
                return
            except SweepfrontError:
                # It fell behind, or the records cannot be read now.
                await asyncio.sleep(_RETRY_SECONDS)

    task = background_tasks.create(follow(), name=f"live {sweep}", context=client)
    client.on_delete(task.cancel)


def _counts(event: Event, trial: int | None) -> bool:
    return trial is None or event.type not in _OF_ONE_TRIAL or event.data.get("number") == trial
