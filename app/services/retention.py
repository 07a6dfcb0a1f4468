"""Retention: what is older than the settings allow is counted, or removed, sweep by sweep.

A part is noted as gone after it was removed: what was cut off in between is found again and gone
on with, and ends as it would have ended.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from threading import Event

from app.backends.base import Backend, BackendError, UnknownSweepError
from app.store import retention, sweeps, thinning
from app.store.database import Database
from app.store.retention import Candidate
from app.sweep.document import BackendName
from app.sweep.errors import ConflictError, NotFoundError
from app.sweep.retention import PARTS, Cutoffs, Part, Tally, Terms, cutoffs, in_words

Tallies = dict[Part, Tally]
_SHORTEST_PAUSE = 0.02

log = logging.getLogger(__name__)


class Retention:
    """One round over all sweeps, of one moment."""

    def __init__(
        self,
        db: Database,
        backends: Mapping[BackendName, Backend],
        terms: Terms,
        *,
        now: datetime,
        beat: Callable[[], None] = lambda: None,
        ending: Event | None = None,
    ) -> None:
        """Nothing happens before `run`.

        Args:
            db: the records.
            backends: have the files.
            terms: how long things are kept.
            now: the moment from which the time is counted.
            beat: called every now and then; must be quick.
            ending: when set, the round ends soon.
        """
        self._db = db
        self._backends = backends
        self._points = terms.points
        self._cutoffs: Cutoffs = cutoffs(terms, now)
        self._beat = beat
        self._ending = ending or Event()
        self._tallies: Tallies = {part: Tally() for part in PARTS if part in self._cutoffs}

    def run(self, *, dry_run: bool) -> Tallies:
        """Remove what is due, or only count it.

        Returns:
            For each part that is not kept for ever, what was, or would be, removed.

        Raises:
            StoreBusyError: the records cannot be used now; what was done until then is done.
        """
        if "archived" in self._cutoffs and not dry_run:
            retention.note_archived(self._db)
        for candidate in retention.due(self._db, self._cutoffs):
            if self._ending.is_set():
                break
            self._beat()
            if "archived" in candidate.parts:
                self._part(candidate, "archived", dry_run=dry_run)
                continue
            for part in PARTS:
                if part in candidate.parts:
                    self._part(candidate, part, dry_run=dry_run)
        return self._tallies

    def _part(self, candidate: Candidate, part: Part, *, dry_run: bool) -> None:
        try:
            match part:
                case "archived":
                    self._purge(candidate, dry_run=dry_run)
                case "artifacts" | "logs":
                    self._files(candidate, part, dry_run=dry_run)
                case "metrics":
                    self._metrics(candidate, dry_run=dry_run)
                case "events":
                    self._events(candidate, dry_run=dry_run)
        except (ConflictError, NotFoundError):
            log.info("retention passes over sweep %s, which has just changed", candidate.name)
        except (BackendError, OSError) as error:
            log.warning("retention leaves %s of sweep %s: %s", part, candidate.name, error)

    def _purge(self, candidate: Candidate, *, dry_run: bool) -> None:
        backend = self._backends.get(candidate.backend)
        if backend is None:
            self._pass_over(candidate)
            return
        found = backend.prune(candidate.name, artifacts=True, logs=True, dry_run=True)
        if not dry_run:
            if not retention.still_due(self._db, candidate, "archived", self._cutoffs):
                return
            # The backend first: a crash in between leaves a sweep that can be purged again.
            with suppress(UnknownSweepError):
                backend.purge(candidate.name)
            since = time.monotonic()
            for _ in retention.empty(self._db, candidate):
                since = self._breathe(since)
            sweeps.purge(self._db, candidate.name)
        self._tell(candidate, "archived", found.files, found.bytes, dry_run=dry_run)

    def _files(self, candidate: Candidate, part: Part, *, dry_run: bool) -> None:
        backend = self._backends.get(candidate.backend)
        if backend is None:
            self._pass_over(candidate)
            return
        if not retention.still_due(self._db, candidate, part, self._cutoffs):
            return
        wanted = {"artifacts": part == "artifacts", "logs": part == "logs"}
        found = backend.prune(candidate.name, **wanted, dry_run=dry_run)
        self._noted(candidate, part, dry_run=dry_run)
        if found.files:
            self._tell(candidate, part, found.files, found.bytes, dry_run=dry_run)

    def _metrics(self, candidate: Candidate, *, dry_run: bool) -> None:
        removed = 0
        for curve in thinning.curves(self._db, candidate.id, candidate.name, self._points):
            found = thinning.plan(self._db, curve, self._points)
            if dry_run:
                removed += found.removed
                continue
            since = time.monotonic()
            for gone in thinning.thin(self._db, curve, found):
                removed += gone
                since = self._breathe(since)
            if self._ending.is_set():
                break
        else:
            self._noted(candidate, "metrics", dry_run=dry_run)
        if removed:
            self._tell(candidate, "metrics", removed, dry_run=dry_run)

    def _events(self, candidate: Candidate, *, dry_run: bool) -> None:
        before = self._cutoffs["events"]
        removed = 0
        if dry_run:
            removed = retention.old_events(self._db, candidate.name, before)
        else:
            since = time.monotonic()
            while gone := retention.remove_events(self._db, candidate.name, before):
                removed += gone
                since = self._breathe(since)
                if self._ending.is_set():
                    break
            waits = retention.waits_for_webhooks(self._db, candidate.name, before)
            if not waits and not self._ending.is_set():
                self._noted(candidate, "events", dry_run=dry_run)
        if removed:
            self._tell(candidate, "events", removed, dry_run=dry_run)

    def _noted(self, candidate: Candidate, part: Part, *, dry_run: bool) -> None:
        if not dry_run:
            retention.note(self._db, candidate, part, self._cutoffs)

    def _tell(
        self, candidate: Candidate, part: Part, items: int, size: int = 0, *, dry_run: bool
    ) -> None:
        self._tallies[part].add(items, size)
        verb = "would remove" if dry_run else "removed"
        log.info(
            "retention %s %s of sweep %s: %s",
            verb,
            part,
            candidate.name,
            in_words(part, items),
        )

    def _breathe(self, since: float) -> float:
        """Let others write for as long as we have; some of them poll, and would starve."""
        self._beat()
        self._ending.wait(max(_SHORTEST_PAUSE, time.monotonic() - since))
        return time.monotonic()

    def _pass_over(self, candidate: Candidate) -> None:
        log.info(
            "retention passes over sweep %s: the backend %s is not configured here",
            candidate.name,
            candidate.backend,
        )
