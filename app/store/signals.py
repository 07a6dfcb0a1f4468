"""Signals between the processes that share a PostgreSQL database: LISTEN and NOTIFY.

A transaction notes what it changes; PostgreSQL tells the others when it is committed. A signal makes
them look sooner, and says nothing that the records do not: whoever hears none looks by the clock.
"""

import logging
import random
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.store.engines import listening_engine
from app.sweep.document import BackendName

if TYPE_CHECKING:
    import psycopg

EVENTS = "events"
"""Noted by a transaction that appends events."""
_DUE = "due "
CHANNEL = "sweepfront"
_NOTED = "signals"
_ALIVE_SECONDS = 10.0
"""How long nothing may be heard before the connection is asked for a sign of life."""
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_STOP_SECONDS = 2.0

log = logging.getLogger(__name__)


def note(session: Session, kind: str) -> None:
    """Have the others told of this transaction, once for each kind, when it is committed."""
    session.info.setdefault(_NOTED, set()).add(kind)


def note_due(session: Session, backend: BackendName) -> None:
    """Have the trackers told that a sweep of that backend is due now."""
    note(session, _DUE + backend)


def noted(session: Session) -> frozenset[str]:
    """The kinds that the transaction noted."""
    return frozenset(session.info.get(_NOTED, ()))


def due_backend(kind: str) -> str | None:
    """The backend whose sweep is due; None: the signal is about something else."""
    return kind.removeprefix(_DUE) if kind.startswith(_DUE) else None


class Signals:
    """One process's ear and voice; it listens from the first `start` on, in a thread of its own.

    Attributes:
        connected: others are heard now.
    """

    def __init__(self, url: URL, heard: Callable[[str | None], None]) -> None:
        """Describe the connection.

        Args:
            url: of a PostgreSQL database.
            heard: called with the kind of each signal of another process, and with None when some
                may have been missed; it must not block.
        """
        self.connected = False
        self._url = url
        self._heard = heard
        self._sender = secrets.token_hex(4)
        self._ended = threading.Event()
        self._waker: socket.socket | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen from now on; harmless when it does already."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._waker, woken = socket.socketpair()
                self._thread = threading.Thread(
                    target=self._run, args=(woken,), name="signals", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        with self._lock:
            self._ended.set()
            if self._waker is not None:
                # Its other end is read by nobody: that it is closed is what is noticed.
                self._waker.close()
            thread = self._thread
        if thread is not None:
            thread.join(_STOP_SECONDS)

    def payloads(self, session: Session) -> list[str]:
        """What the others are told of what the transaction noted."""
        return [f"{self._sender} {kind}" for kind in sorted(noted(session))]

    def _run(self, woken: socket.socket) -> None:
        with woken:
            self._keep_listening(woken)

    def _keep_listening(self, woken: socket.socket) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._ended.is_set():
            begun = time.monotonic()
            try:
                self._listen(woken)
            except (DBAPIError, OSError) as error:
                if self.connected or pause == _FIRST_PAUSE_SECONDS:
                    log.warning("other services are not heard for now: %s", error)
            except Exception:
                log.exception("listening to other services failed")
            if self.connected:
                self.connected = False
                self._heard(None)
            if time.monotonic() - begun > _ALIVE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            # Services that lost the same server do not all come back at once.
            self._ended.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - guards nothing
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _listen(self, woken: socket.socket) -> None:
        """Listen until the connection breaks."""
        engine = listening_engine(self._url)
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(f"LISTEN {CHANNEL}")
                driver = cast("psycopg.Connection", connection.connection.driver_connection)
                self.connected = True
                # What was committed before is not told.
                self._heard(None)
                self._take_in(driver, woken)
        except engine.dialect.loaded_dbapi.Error as error:
            raise ConnectionError(str(error)) from error
        finally:
            engine.dispose()

    def _take_in(self, connection: "psycopg.Connection", woken: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not self._ended.is_set():
                for told in connection.notifies(timeout=0):
                    sender, _, kind = told.payload.partition(" ")
                    if sender != self._sender:
                        self._heard(kind)
                if not selector.select(_ALIVE_SECONDS):
                    connection.execute("SELECT 1")
