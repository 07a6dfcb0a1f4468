"""The web server's end of the process beside it, which sees to sweeps while it answers.

One interpreter computes for one thread at a time, and a look at Azure ML computes for long: no
request waits for that. The two processes speak over a socket that ends with either of them, in
messages that make the other one look sooner and say nothing that the records do not.
"""

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from app.backends.base import Backend, Health
from app.store.database import Database
from app.sweep.document import BackendName
from app.watching import tracing
from app.watching.backend_calls import watched

_SILENT_SECONDS = 10.0
"""Without a word for so long the other process counts as stuck."""
LARGEST = 64 * 1024
"""Bytes of a message, at most."""
_END_SECONDS = 30.0

log = logging.getLogger(__name__)


def say(link: socket.socket, message: Mapping[str, object]) -> None:
    """Tell the other end, from any thread; one that does not read looks by the clock."""
    with suppress(OSError):
        link.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)


class Beside:
    """The web server's end; see `app.services.attendant`."""

    def __init__(self, link: socket.socket, keeper: int) -> None:
        """Take over the end of a process that has been forked; see `app.beside.keeping`."""
        self._link = link
        self._keeper = keeper
        self._backends: Mapping[BackendName, Backend] = {}
        self._told: dict[str, Any] = {}
        self._heard_at = 0.0

    def start(self, db: Database, backends: Mapping[BackendName, Backend]) -> None:
        """Set the backends of this process to work, and begin to exchange news."""
        self._backends = backends
        for backend in backends.values():
            watched(backend)
            if backend.poll_interval is None:
                # Started here; what changes is told to the process that looks at it. The others
                # are started there, and load here what they need when they are asked.
                backend.start(_pass_over)
        db.tell_neighbour(lambda: say(self._link, {"events": True}))
        threading.Thread(target=self._hear, args=(db,), name="beside", daemon=True).start()

    def wake(self, name: str) -> None:
        """Look at this sweep as soon as possible."""
        say(self._link, {"wake": name, "origin": tracing.carried()})

    def deliver(self) -> None:
        """There is something to send to webhooks."""
        say(self._link, {"deliver": True})

    def trouble(self) -> str | None:
        """Why sweeps are not looked at now; None while they are."""
        if not self._heard_at:
            return "is starting"
        if time.monotonic() - self._heard_at > _SILENT_SECONDS:
            return "gives no sign of life"
        trouble: str | None = self._told["trouble"]
        return trouble

    def health(self, name: BackendName) -> Health:
        """Whether the backend works; the process beside knows of those that it asks by the clock.

        One that announces changes works if it does so for both processes.
        """
        backend = self._backends[name]
        told = self._told.get("health", {}).get(name)
        theirs = Health(**told) if told is not None else None
        if theirs is not None and backend.poll_interval is not None:
            return theirs
        ours = backend.health()
        return theirs if theirs is not None and ours.ok and not theirs.ok else ours

    def stop(self) -> None:
        """End in order."""
        for backend in self._backends.values():
            backend.close()
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline:
            if _ended(self._keeper):
                break
            time.sleep(0.01)
        else:
            log.warning("the process that looks at sweeps does not end and is killed")
            for pid in (self._keeper, self._told.get("pid")):
                if pid is not None:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            _ended(self._keeper, wait=True)
        self._link.close()

    def _hear(self, db: Database) -> None:
        while True:
            try:
                data = self._link.recv(LARGEST)
            except OSError:
                return
            if not data:
                return
            message = json.loads(data)
            if "events" in message:
                db.hear_neighbour()
            else:
                self._told, self._heard_at = message, time.monotonic()


def _ended(pid: int, *, wait: bool = False) -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(pid, 0 if wait else os.WNOHANG)[0] == pid
    return True


def _pass_over(_name: str) -> None:
    """News are of no interest here."""
