"""What a tracker takes on next: sweeps that were announced, and those that are due.

No more is claimed than this service will soon attend to: the rest is there for other services. Each
of them looks by the clock, and sooner when somebody has made a sweep due.
"""

import math
import random
import threading
import time
from collections.abc import Collection, Iterator, Mapping

from app.backends.base import Backend
from app.store import claims
from app.store.database import Database
from app.sweep.document import BackendName
from app.sweep.errors import SweepfrontError
from app.sweep.record import Claim

SCAN_SECONDS = 1.0
"""Between two looks for what is due, at most."""
TOGETHER = 2
"""Due sweeps of a polled backend that are found at once, mostly: looks that begin together take the
processors from everybody else, the web server above all."""
MIN_SCAN_SECONDS = 0.1
MIN_CLAIM_SECONDS = 0.05
"""Between two claims of what was announced: under load they are claimed together."""
MIN_SPACING_SECONDS = 0.1
"""Between two looks at a sweep whose backend announces changes; the first is made at once."""
SPREAD_SECONDS = 0.05
"""Within which services claim what another one has made due, so that they do not all ask at once."""


class Claiming:
    """The claims of one tracker; safe from any thread, but for `claims`, which one thread draws.

    Attributes:
        bell: set when `claims` may bring something; the tracker waits for it.
    """

    def __init__(
        self,
        db: Database,
        backends: Mapping[BackendName, Backend],
        owner: str,
        *,
        elsewhere: Collection[BackendName],
        room: int,
        lease: float,
    ) -> None:
        """Prepare to claim.

        Args:
            db: the database.
            backends: whose sweeps are claimed as they are due.
            owner: who claims.
            elsewhere: backends whose sweeps are left to others.
            room: sweeps of one backend that are held at once; where more are due, they are claimed
                together once half of it is free.
            lease: seconds until somebody else may claim them.
        """
        self.bell = threading.Event()
        self._db = db
        self._polled = {name for name, one in backends.items() if one.poll_interval is not None}
        self._owner = owner
        self._elsewhere = frozenset(elsewhere)
        self._room = room
        self._lease = lease
        self._lock = threading.Lock()
        self._woken: set[str] = set()
        self._looked: dict[str, float] = {}
        self._busy: dict[str, Claim] = {}
        self._backlog: set[BackendName] = set()
        self._next_scan: dict[BackendName, float] = dict.fromkeys(backends, 0.0)
        self._pauses: dict[BackendName, float] = dict.fromkeys(backends, SCAN_SECONDS)
        self._next_woken = 0.0
        self._next_claim = 0.0

    def wake(self, name: str) -> None:
        """This sweep has news."""
        with self._lock:
            self._woken.add(name)
        self.bell.set()

    def hear(self, backend: str | None) -> None:
        """Another service has made a sweep of that backend due; None: of any."""
        with self._lock:
            heard = [name for name in self._next_scan if backend in (name, None)]
            for name in heard:
                soon = time.monotonic() + random.uniform(0.0, SPREAD_SECONDS)  # noqa: S311 - a delay
                self._next_scan[name] = min(self._next_scan[name], soon)
        if heard:
            self.bell.set()

    def wait(self) -> float:
        """Seconds until there may be something without a bell."""
        with self._lock:
            next_scan = min(self._next_scan.values(), default=math.inf)
        return max(
            0.0, min(next_scan, self._next_woken, _from_now(SCAN_SECONDS)) - time.monotonic()
        )

    def held(self) -> list[Claim]:
        """The claims of looks that are under way or wait their turn."""
        with self._lock:
            return list(self._busy.values())

    def begin(self, claim: Claim) -> None:
        """A look begins."""
        with self._lock:
            self._busy[claim.sweep.name] = claim

    def end(self, claim: Claim, *, more: bool) -> None:
        """A look has ended; `more`: the next one brings something at once."""
        name, backend = claim.sweep.name, claim.sweep.backend
        with self._lock:
            del self._busy[name]
            if more:
                self._woken.add(name)
                self._looked.pop(name, None)
            refill = backend in self._backlog and 2 * len(self._held_of(backend)) <= self._room
            if refill:
                self._next_scan[backend] = 0.0
            ring = name in self._woken or refill
        if ring:
            self.bell.set()

    def claims(self) -> Iterator[Claim]:
        """Claim what there is now and can be attended to; each is to begin before the next is drawn.

        Raises:
            StoreBusyError: the records cannot be read or written now; it is tried again later.
        """
        try:
            yield from self._announced()
            for name in self._to_scan():
                yield from self._due(name)
        except SweepfrontError:
            later = _from_now(SCAN_SECONDS)
            with self._lock:
                self._next_scan = {n: max(at, later) for n, at in self._next_scan.items()}
            self._next_woken = later
            raise

    def _held_of(self, backend: BackendName) -> list[str]:
        """The sweeps of a backend that are held; for who has the lock."""
        return [name for name, claim in self._busy.items() if claim.sweep.backend == backend]

    def _to_scan(self) -> list[BackendName]:
        with self._lock:
            now = time.monotonic()
            scanned = [name for name, at in self._next_scan.items() if at <= now]
            for name in scanned:
                # Services that were started together do not stay in step.
                pause = random.uniform(0.9, 1.1) * self._pauses[name]  # noqa: S311 - a delay
                self._next_scan[name] = now + pause
            return scanned

    def _due(self, backend: BackendName) -> list[Claim]:
        with self._lock:
            busy = self._held_of(backend)
        room = self._room - len(busy)
        found: list[Claim] = []
        if room > 0:
            found = claims.claim_due(
                self._db, self._owner, backend=backend, limit=room, lease=self._lease, but=busy
            )
        with self._lock:
            if len(found) >= room:
                self._backlog.add(backend)
                self._pauses[backend] = SCAN_SECONDS
            else:
                self._backlog.discard(backend)
                if backend in self._polled:
                    pause = self._pauses[backend] * TOGETHER / max(len(found), 1)
                    self._pauses[backend] = min(SCAN_SECONDS, max(MIN_SCAN_SECONDS, pause))
        return found

    def _announced(self) -> list[Claim]:
        """Claim what was announced; what was looked at just before has to wait a little."""
        now = time.monotonic()
        if now < self._next_claim:
            self._next_woken = min(self._next_woken, self._next_claim)
            return []
        with self._lock:
            self._looked = {
                n: at for n, at in self._looked.items() if at + MIN_SPACING_SECONDS > now
            }
            names = self._woken - self._busy.keys() - self._looked.keys()
            self._woken -= names
            self._looked |= dict.fromkeys(names, now)
            again = [self._looked[name] for name in self._woken if name in self._looked]
            room = {name: self._room - len(self._held_of(name)) for name in self._next_scan}
        self._next_woken = min(again, default=math.inf) + MIN_SPACING_SECONDS
        if not names:
            return []
        self._next_claim = now + MIN_CLAIM_SECONDS
        try:
            found, left = claims.claim_announced(
                self._db,
                names,
                self._owner,
                lease=self._lease,
                room=room,
                polled=self._polled,
                elsewhere=self._elsewhere,
            )
        except SweepfrontError:
            with self._lock:
                self._woken |= names
            raise
        with self._lock:
            # Those that are polled are due, and taken by whoever has room.
            self._woken |= {name for name, backend in left.items() if backend not in self._polled}
            self._backlog |= set(left.values())
        return found


def _from_now(seconds: float) -> float:
    return time.monotonic() + seconds
