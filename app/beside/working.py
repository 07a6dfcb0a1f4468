"""What the process beside the web server does: it attends to sweeps until the server has ended."""

import gc
import json
import logging
import os
import select
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, NoReturn

from app.attending import Attending
from app.beside.link import LARGEST, say
from app.configured import code_store, configured, receivers_of
from app.settings import Settings
from app.store.database import Database
from app.sweep.errors import SweepfrontError
from app.watching import tracing

_STATE_SECONDS = 1.0
_TROUBLED_SECONDS = 0.2
"""How often the web server is told how things stand, and while something does not work."""

log = logging.getLogger(__name__)


def work(link: socket.socket, settings: Settings) -> NoReturn:
    """Be that process.

    Args:
        link: to the web server; it reads as ended when the server has.
        settings: of the service.
    """
    code = 1
    try:
        _work(link, settings)
        code = 0
    except SweepfrontError as error:
        log.warning("sweeps cannot be looked at: %s", error)
    except Exception:
        log.exception("looking at sweeps failed")
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        # Whatever the web server registered for its own end is none of ours.
        os._exit(code)


def _work(link: socket.socket, settings: Settings) -> None:
    traces = tracing.Tracing() if settings.traces else None
    db = Database(settings.records_url)
    code = code_store(settings)
    backends = configured(settings, code, assists=True)
    attending = Attending(settings, db, backends, code, receivers_of(settings))
    db.tell_neighbour(lambda: say(link, {"events": True}))
    attending.start()
    gc.freeze()
    try:
        _serve(link, db, attending, lambda: _state(attending, list(backends)))
    finally:
        attending.stop()
        db.close()
        if traces is not None:
            traces.close()


def _serve(
    link: socket.socket, db: Database, attending: Attending, state: Callable[[], dict[str, Any]]
) -> None:
    """Do what the web server says, and tell how things stand, until it has ended."""
    next_state = 0.0
    while True:
        if time.monotonic() >= next_state:
            told = state()
            say(link, told)
            well = told["trouble"] is None and all(each["ok"] for each in told["health"].values())
            next_state = time.monotonic() + (_STATE_SECONDS if well else _TROUBLED_SECONDS)
        wait = max(0.0, next_state - time.monotonic())
        if not select.select([link], [], [], wait)[0]:
            continue
        data = b""
        with suppress(ConnectionResetError):  # by a server that was killed
            data = link.recv(LARGEST)
        if not data:
            return
        message = json.loads(data)
        if "wake" in message:
            with tracing.continued(message["origin"]):
                attending.wake(message["wake"])
        elif "deliver" in message:
            attending.deliver()
        else:
            db.hear_neighbour()


def _state(attending: Attending, backends: list[Any]) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "trouble": attending.trouble(),
        "health": {name: asdict(attending.health(name)) for name in backends},
    }
