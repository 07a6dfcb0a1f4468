"""Retention in a running service: once an hour, by one of all services that share the records."""

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from app.backends.base import Backend
from app.services.retention import Retention, Tallies
from app.store import chores
from app.store.database import Database
from app.sweep.document import BackendName
from app.sweep.errors import ConflictError, SweepfrontError
from app.sweep.retention import Terms, cutoffs, in_words

CHORE = "retention"
EVERY_SECONDS = 3600.0
LEASE_SECONDS = 60.0
"""How long the others wait for a service that was killed at it; two at once would do no harm."""
LOOK_SECONDS = 30.0
_FIRST_LOOK_SECONDS = 5.0
Mode = Literal["off", "dry-run", "on"]

log = logging.getLogger(__name__)


class RetentionRounds:
    """Begins a round whenever it is time and nobody else is at it."""

    def __init__(
        self,
        db: Database,
        backends: Mapping[BackendName, Backend],
        terms: Terms,
        mode: Mode,
        *,
        every: float = EVERY_SECONDS,
    ) -> None:
        """Nothing happens before `start`; nothing at all when the mode is off.

        Args:
            db: the records.
            backends: have the files.
            terms: how long things are kept.
            mode: whether things are removed, or only counted.
            every: seconds between two rounds.
        """
        self._db = db
        self._backends = backends
        self._terms = terms
        self._mode = mode
        # Counting is a chore of its own: whoever turns removal on does not wait for an hour.
        self._chore = f"{CHORE}, dry run" if mode == "dry-run" else CHORE
        self._every = every
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}"
        self._ending = threading.Event()
        self._renewed = 0.0
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin to look whether it is time."""
        if self._mode != "off" and cutoffs(self._terms, datetime.now(UTC)):
            self._thread.start()

    def stop(self) -> None:
        """End soon, between two sweeps; the next round goes on."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def once(self, *, dry_run: bool) -> Tallies:
        """A round by hand, now; one that only counts may run beside others.

        Raises:
            ConflictError: a service is at it.
            StoreBusyError: the records cannot be used now.
        """
        if dry_run:
            return self._round(dry_run=True)
        self._chore = CHORE
        if not chores.claim(self._db, CHORE, self._owner, lease=LEASE_SECONDS):
            raise ConflictError(
                "another process is at it; try again when it is done, or, should it have been "
                f"killed, in {LEASE_SECONDS:.0f} seconds"
            )
        return self._held_round(dry_run=False)

    def _run(self) -> None:
        wait = _FIRST_LOOK_SECONDS
        while not self._ending.wait(wait):
            wait = LOOK_SECONDS
            try:
                self._due_round()
            except SweepfrontError as error:
                log.warning("retention could not go on: %s; it does so later", error)
            except Exception:
                log.exception("a round of retention failed")

    def _due_round(self) -> None:
        if chores.claim(self._db, self._chore, self._owner, lease=LEASE_SECONDS, every=self._every):
            self._held_round(dry_run=self._mode == "dry-run")

    def _held_round(self, *, dry_run: bool) -> Tallies:
        whole = False
        try:
            found = self._round(dry_run=dry_run)
            whole = not self._ending.is_set()
        finally:
            finish = chores.done if whole else chores.let_go
            finish(self._db, self._chore, self._owner)
        return found

    def _round(self, *, dry_run: bool) -> Tallies:
        self._renewed = time.monotonic()
        found = Retention(
            self._db,
            self._backends,
            self._terms,
            now=datetime.now(UTC),
            beat=self._beat,
            ending=self._ending,
        ).run(dry_run=dry_run)
        words = [
            f"{part} of {tally.sweeps} sweeps: {in_words(part, tally.items)}, {tally.bytes} bytes"
            for part, tally in found.items()
            if tally.sweeps
        ]
        verb = "would remove" if dry_run else "removed"
        log.info("retention %s %s", verb, "; ".join(words) or "nothing")
        return found

    def _beat(self) -> None:
        if time.monotonic() - self._renewed > LEASE_SECONDS / 4:
            self._renewed = time.monotonic()
            chores.renew(self._db, self._chore, self._owner, lease=LEASE_SECONDS)
