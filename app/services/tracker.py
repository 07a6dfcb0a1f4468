"""The poller: claims what is due, looks at its backend with no session open, writes what it saw.

A crash between any two steps repeats a step that may be repeated: submission is by name, the
cursor moves in the same transaction as the data, and writes carry the claim's token.
"""

import logging
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from app.backends.base import Backend, BackendError, UnknownSweepError
from app.code.snapshots import CodeStore
from app.services.claiming import Claiming
from app.services.clock import ClockWatch
from app.store import claims, leases
from app.store.database import Database
from app.sweep.document import BackendName, SweepDocument
from app.sweep.errors import SweepfrontError
from app.sweep.record import Claim, Resumption, Retrial, Submission, SweepRecord
from app.sweep.state import SweepStatus
from app.watching.looks import Looks

LEASE_SECONDS = 15.0
"""How long a sweep waits for a service that was killed while it looked; renewed in long looks."""
ANNOUNCED_LOOK_SECONDS = 60.0
"""When a sweep is looked at whose backend announces changes, in case one got lost: then, and after
half of the time that it has lived."""
_LATEST_LOOK_SECONDS = 300.0
MAX_DELAY_SECONDS = 300.0
LOST_AFTER = 3
"""Looks that found no trace of a sweep before the one that gives it up, with none that did between."""
_WORKERS = 16
_QUEUED = 2 * _WORKERS
"""Looks that are claimed at once for a backend: those under way and the next ones."""
_HEALTHY_SECONDS = 10.0
_SPREAD = 0.2
"""By how much of it the time until the next look differs, at most."""

log = logging.getLogger(__name__)


class Tracker:
    """Keeps the records of live sweeps true; all sweeps and backends are treated alike."""

    def __init__(
        self,
        db: Database,
        backends: Mapping[BackendName, Backend],
        code: CodeStore,
        *,
        elsewhere: Collection[BackendName] = (),
    ) -> None:
        """Prepare to look.

        Args:
            db: the records, which several trackers may share.
            backends: those that are configured.
            code: has the snapshots of the trials' code.
            elsewhere: backends whose sweeps other services look at.
        """
        self._db = db
        self._backends = {name: one for name, one in backends.items() if name not in elsewhere}
        self._code = code
        self._claiming = Claiming(
            db,
            self._backends,
            f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}",
            elsewhere=elsewhere,
            room=_QUEUED,
            lease=LEASE_SECONDS,
        )
        self._clock = ClockWatch(db, lease=LEASE_SECONDS)
        self._looks = Looks()
        # Kept by each service for itself: one that starts anew asks again before it gives up.
        self._missing: Counter[str] = Counter()
        self._unclaimed: str | None = None
        # What they announced while nobody listened is found out by a look at each.
        self._unheard = [name for name, one in self._backends.items() if one.poll_interval is None]
        self._stopping = False
        self._last_round = time.monotonic()
        # A pool for each backend, so that one that hangs does not hold up the others.
        self._pools = {
            name: ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"tracker-{name}")
            for name in self._backends
        }
        self._thread = threading.Thread(target=self._run, name="tracker", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._db.listen_due(self._claiming.hear)
        self._thread.start()

    def stop(self) -> None:
        """End after the looks that are under way."""
        self._stopping = True
        self._claiming.bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def wake(self, name: str) -> None:
        """Look at this sweep as soon as possible; safe from any thread."""
        self._looks.asked_for(name)
        self._claiming.wake(name)

    def trouble(self) -> str | None:
        """Why sweeps are not looked at now; None while they are."""
        recent = time.monotonic() - self._last_round < _HEALTHY_SECONDS
        if not (self._thread.is_alive() and recent):
            return "makes no rounds"
        return self._unclaimed

    def _run(self) -> None:
        next_renewal = 0.0
        while not self._stopping:
            self._claiming.bell.wait(self._claiming.wait())
            self._claiming.bell.clear()
            self._last_round = time.monotonic()
            try:
                if time.monotonic() >= next_renewal:
                    next_renewal = time.monotonic() + LEASE_SECONDS / 3
                    self._renew()
                    self._clock.look()
                while self._unheard:
                    claims.make_due(self._db, self._unheard[-1])
                    self._unheard.pop()
                for claim in self._claiming.claims():
                    self._begin(claim)
                self._unclaimed = None
            except SweepfrontError as error:
                log.warning("the tracker could not claim sweeps: %s", error)
                self._unclaimed = error.message
            except Exception:
                log.exception("the tracker's round failed")

    def _renew(self) -> None:
        if held := self._claiming.held():
            leases.renew(self._db, held, lease=LEASE_SECONDS)

    def _begin(self, claim: Claim) -> None:
        pool = self._pools.get(claim.sweep.backend)
        if pool is None:
            # Somebody asked for its end after the settings of its backend were taken away.
            self._postpone(claim, f"the backend {claim.sweep.backend} is not configured", None)
            return
        self._claiming.begin(claim)
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
        self._claiming.end(claim, more=more)

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
            return self._observe_submitted(backend, claim)
        return self._observe(backend, claim)

    def _observe_submitted(self, backend: Backend, claim: Claim) -> bool:
        """The first look, which also notes that the backend has the sweep."""
        try:
            self._tell_wishes(backend, claim)
            return self._observe(backend, claim, submitted=True)
        except Exception:
            leases.submitted(self._db, claim)
            raise

    def _observe(self, backend: Backend, claim: Claim, *, submitted: bool = False) -> bool:
        """See what is new and write it down; True when there is more at once."""
        snapshot = backend.observe(claim.sweep.name, claim.cursor)
        next_look = _pause(backend.poll_interval, claim.sweep.submitted_at)
        if snapshot.more:
            next_look = 0.0
        leases.apply(self._db, claim, snapshot, next_look=next_look, submitted=submitted)
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
        if sweep.code and not self._code.has(sweep.code):
            raise BackendError(
                f"the snapshot {sweep.code} of its code is not in the data folder of "
                f"{socket.gethostname()}; services that share the records share SWEEPFRONT_DATA_DIR",
                retryable=True,
            )
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


def _pause(poll_interval: float | None, submitted_at: datetime | None) -> float:
    """Seconds until the next look, so that sweeps submitted together are not looked at together.

    Args:
        poll_interval: of the backend; None: it announces changes.
        submitted_at: None: it has just been submitted. Those of a polled backend, whose looks take
            long, spread over the interval at once.
    """
    least, pause = 1 - _SPREAD, poll_interval
    if pause is None:
        lived = (datetime.now(UTC) - submitted_at).total_seconds() if submitted_at else 0.0
        pause = min(max(ANNOUNCED_LOOK_SECONDS, lived / 2), _LATEST_LOOK_SECONDS)
    elif submitted_at is None:
        least = 0.0
    return pause * random.uniform(least, 1 + _SPREAD)  # noqa: S311 - a delay
