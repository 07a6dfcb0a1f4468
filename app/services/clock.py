"""The clock by which sweeps are looked at, should somebody set it back."""

import logging
import time

from app.store import claims
from app.store.database import Database

LONGEST_WAIT_SECONDS = 3600.0
"""No setting has a sweep looked at less often."""
_TOLERANCE_SECONDS = 2.0

log = logging.getLogger(__name__)


class ClockWatch:
    """Compares the database's clock with one that cannot be set."""

    def __init__(self, db: Database, *, lease: float) -> None:
        """Watch the clock of that database, in which leases last so many seconds."""
        self._db = db
        self._lease = lease
        self._last: tuple[float, float] | None = None

    def look(self) -> None:
        """Mend what would wait too long if the clock was set back since the last look.

        Before the first look that may have happened, too, so that it mends what no clock that
        goes well would have made.
        """
        before = time.monotonic()
        now = claims.now(self._db)
        if self._last is None:
            self._mend(LONGEST_WAIT_SECONDS)
        else:
            then, at = self._last
            if now - then < before - at - _TOLERANCE_SECONDS:
                log.warning("the clock was set back by %.0f s", before - at - (now - then))
                self._mend(0.0)
        self._last = now, time.monotonic()

    def _mend(self, longest_wait: float) -> None:
        claims.clock_set_back(self._db, lease=self._lease, longest_wait=longest_wait)
