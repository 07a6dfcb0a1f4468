"""The poller: claims what is due, looks at its backend with no session open, writes what it saw.

A crash between any two steps repeats a step that may be repeated: submission is by name, the
cursor moves in the same transaction as the data, and writes carry the claim's token.
"""

import logging
import math
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.backends.base import Backend, BackendError, UnknownSweepError
from app.code.snapshots import CodeStore
from app.services.clock import ClockWatch
from app.store import leases
from app.store.database import Database
from app.sweep.document import BackendName, SweepDocument
from app.sweep.errors import SweepfrontError
from app.sweep.record import Claim, Resumption, Retrial, Submission, SweepRecord
from app.sweep.state import SweepStatus
from app.watching.looks import Looks

LEASE_SECONDS = 15.0
"""How long a sweep waits for a service that was killed while it looked; renewed in long looks."""
SCAN_SECONDS = 1.0
ANNOUNCED_LOOK_SECONDS = 30.0
"""How often a sweep is looked at whose backend announces changes, in case one got lost."""
MIN_SPACING_SECONDS = 0.1
"""Between two looks at a sweep whose backend announces changes; the first is made at once."""
MAX_DELAY_SECONDS = 300.0
LOST_AFTER = 3
"""Looks that found no trace of a sweep before the one that gives it up, with none that did between."""
_WORKERS = 16
_QUEUED = 3 * _WORKERS
"""Looks that are claimed at once for a backend: those under way and the next ones."""
_HEALTHY_SECONDS = 10.0

log = logging.getLogger(__name__)


class Tracker:
    """Keeps the records of live sweeps true; all sweeps and backends are treated alike."""

    def __init__(
        self, db: Database, backends: Mapping[BackendName, Backend], code: CodeStore
    ) -> None:
        self._db = db
        self._backends = backends
        self._code = code
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}"
        self._clock = ClockWatch(db, lease=LEASE_SECONDS)
        self._looks = Looks()
        self._lock = threading.Lock()
        self._woken: set[str] = set()
        self._looked: dict[str, float] = {}
        self._busy: dict[str, Claim] = {}
        # Kept by each service for itself: one that starts anew asks again before it gives up.
        self._missing: Counter[str] = Counter()
        self._backlog = False
        self._unclaimed: str | None = None
        self._bell = threading.Event()
        self._stopping = False
        self._last_round = time.monotonic()
        # A pool for each backend, so that one that hangs does not hold up the others.
        self._pools = {
            name: ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"tracker-{name}")
            for name in backends
        }
        self._thread = threading.Thread(target=self._run, name="tracker", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End after the looks that are under way."""
        self._stopping = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def wake(self, name: str) -> None:
        """Look at this sweep as soon as possible; safe from any thread."""
        self._looks.asked_for(name)
        with self._lock:
            self._woken.add(name)
        self._bell.set()

    def trouble(self) -> str | None:
        """Why sweeps are not looked at now; None while they are."""
        recent = time.monotonic() - self._last_round < _HEALTHY_SECONDS
        if not (self._thread.is_alive() and recent):
            return "makes no rounds"
        return self._unclaimed

    def _run(self) -> None:
        next_scan = next_renewal = next_woken = 0.0
        while not self._stopping:
            self._bell.wait(max(0.0, min(next_scan, next_woken) - time.monotonic()))
            self._bell.clear()
            self._last_round = time.monotonic()
            try:
                if time.monotonic() >= next_renewal:
                    next_renewal = time.monotonic() + LEASE_SECONDS / 3
                    self._renew()
                    self._clock.look()
                claims, next_woken = self._claim_woken()
                if self._backlog or time.monotonic() >= next_scan:
                    next_scan = time.monotonic() + SCAN_SECONDS
                    claims += self._claim_due()
                self._unclaimed = None
            except SweepfrontError as error:
                log.warning("the tracker could not claim sweeps: %s", error)
                self._unclaimed = error.message
                next_scan = next_woken = time.monotonic() + SCAN_SECONDS
                continue
            except Exception:
                log.exception("the tracker's round failed")
                continue
            for claim in claims:
                self._begin(claim)

    def _renew(self) -> None:
        with self._lock:
            held = list(self._busy.values())
        if held:
            leases.renew(self._db, held, lease=LEASE_SECONDS)

    def _claim_due(self) -> list[Claim]:
        """Claim no more than the pools will soon attend to; more is left for others."""
        claims: list[Claim] = []
        backlog = False
        for name in self._pools:
            with self._lock:
                busy = [n for n, claim in self._busy.items() if claim.sweep.backend == name]
            free = _QUEUED - len(busy)
            if free > 0:
                found = leases.claim_due(
                    self._db,
                    self._owner,
                    backend=name,
                    limit=free,
                    lease=LEASE_SECONDS,
                    but=busy,
                )
                claims += found
                backlog |= len(found) == free
        self._backlog = backlog
        return claims

    def _claim_woken(self) -> tuple[list[Claim], float]:
        """Claim what was announced, and tell when to ask for what was looked at just before."""
        now = time.monotonic()
        with self._lock:
            self._looked = {
                n: at for n, at in self._looked.items() if at + MIN_SPACING_SECONDS > now
            }
            names = self._woken - self._busy.keys() - self._looked.keys()
            self._woken -= names
            self._looked |= dict.fromkeys(names, now)
            again = [self._looked[name] for name in self._woken if name in self._looked]
        claims: list[Claim] = []
        for name in sorted(names):
            try:
                claim = leases.claim(self._db, name, self._owner, lease=LEASE_SECONDS)
            except SweepfrontError:
                with self._lock:
                    self._woken |= names
                if not claims:
                    raise
                break
            names.discard(name)
            if claim is not None:
                claims.append(claim)
        return claims, min(again, default=math.inf) + MIN_SPACING_SECONDS

    def _begin(self, claim: Claim) -> None:
        pool = self._pools.get(claim.sweep.backend)
        if pool is None:
            # Somebody asked for its end after the settings of its backend were taken away.
            self._postpone(claim, f"the backend {claim.sweep.backend} is not configured", None)
            return
        with self._lock:
            self._busy[claim.sweep.name] = claim
        pool.submit(self._looks.make, self._look, claim)

    def _look(self, claim: Claim) -> None:
        name = claim.sweep.name
        if not claim.failures:
            # Some service has seen it since.
            self._missing.pop(name, None)
        try:
            more = self._attend(claim)
            self._missing.pop(name, None)
        except BackendError as error:
            self._trouble(claim, error)
            more = False
        except SweepfrontError as error:
            self._postpone(claim, error.message, None)
            more = False
        except Exception as error:
            log.exception("looking at sweep %s failed", name)
            self._postpone(claim, f"{type(error).__name__}: {error}", None)
            more = False
        with self._lock:
            del self._busy[name]
            if more:
                self._woken.add(name)
                self._looked.pop(name, None)
            ring = name in self._woken or self._backlog
        if ring:
            self._bell.set()

    def _attend(self, claim: Claim) -> bool:
        """One look; True when the backend has more to tell at once."""
        sweep = claim.sweep
        backend = self._backends[sweep.backend]
        if sweep.submitted_at is not None:
            self._tell_wishes(backend, claim)
        if claim.cancel_requested:
            try:
                backend.cancel(sweep.name)
            except UnknownSweepError:
                if sweep.submitted_at is not None:
                    raise
                reason = "canceled before it was submitted"
                leases.finish(self._db, claim, SweepStatus.CANCELED, reason)
                return False
            leases.told_cancel(self._db, claim)
        elif sweep.submitted_at is None:
            try:
                backend.submit(self._submission(sweep))
            except BackendError as error:
                if error.retryable:
                    raise
                leases.finish(self._db, claim, SweepStatus.FAILED, error.message)
                return False
            leases.submitted(self._db, claim)
            self._tell_wishes(backend, claim)
        snapshot = backend.observe(sweep.name, claim.cursor)
        next_look = backend.poll_interval or ANNOUNCED_LOOK_SECONDS
        leases.apply(self._db, claim, snapshot, next_look=next_look)
        return snapshot.more

    def _tell_wishes(self, backend: Backend, claim: Claim) -> None:
        """Tell the backend, in order, what was asked for since the sweep or a trial had ended."""
        if not claim.wishes:
            return
        for wish in claim.wishes:
            match wish:
                case Resumption():
                    backend.resume(claim.sweep.name, wish)
                case Retrial():
                    backend.retry_trial(claim.sweep.name, wish)
        leases.told_wishes(self._db, claim)

    def _submission(self, sweep: SweepRecord) -> Submission:
        return Submission(
            name=sweep.name,
            document=SweepDocument.stored(sweep.document),
            document_hash=sweep.document_hash,
            code=self._code.folder(sweep.code) if sweep.code else None,
            inputs={name: Path(path) for name, path in sweep.inputs.items()},
            request_id=sweep.request_id,
        )

    def _trouble(self, claim: Claim, error: BackendError) -> None:
        """Try again later, or give up on a sweep that its backend does not have."""
        # A remote system may not show for a moment what it has: it is asked again before a
        # sweep counts as lost. That it could not be asked is no sign of a loss.
        name = claim.sweep.name
        missing = isinstance(error, UnknownSweepError)
        if not missing or self._missing[name] < LOST_AFTER:
            self._missing[name] += missing
            self._postpone(claim, error.message, error.retry_after)
            return
        del self._missing[name]
        try:
            leases.finish(self._db, claim, SweepStatus.FAILED, error.message)
        except SweepfrontError as failure:
            log.warning("sweep %s could not be ended: %s", name, failure)

    def _postpone(self, claim: Claim, message: str, retry_after: float | None) -> None:
        delay = min(MAX_DELAY_SECONDS, 2.0 ** min(claim.failures, 10))
        delay *= random.uniform(0.75, 1.25)  # noqa: S311 - jitter, so that retries spread
        self._looks.postponed(claim.sweep.name, message, delay)
        try:
            leases.postpone(self._db, claim, error=message, delay=max(delay, retry_after or 0.0))
        except SweepfrontError as error:
            # The lease runs out by itself and the sweep is claimed again.
            log.warning("sweep %s could not be postponed: %s", claim.sweep.name, error)
