"""A circuit that opens when the whole workspace is unreachable, so that nobody waits for it."""

import threading
import time

from app.backends.base import BackendError

OPENS_AFTER = 3
"""Failures in a row, over all sweeps."""
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class Circuit:
    """Counts failures to reach the workspace; after some, calls fail at once for a while.

    When the pause is over a single call is let through to try; the others go on failing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_at = 0.0
        self._words = ""
        self._ever_reached = False

    def check(self) -> None:
        """Raise BackendError while the circuit is open."""
        with self._lock:
            left = self._closed_at - time.monotonic()
            if self._failures >= OPENS_AFTER and left > 0:
                raise BackendError(self._words, retryable=True, retry_after=left)
            if self._failures >= OPENS_AFTER:
                self._closed_at = time.monotonic() + self._pause()

    def reached(self) -> None:
        """The workspace answered."""
        with self._lock:
            self._failures = 0
            self._ever_reached = True

    def failed(self, words: str) -> None:
        """The workspace did not answer."""
        with self._lock:
            self._failures += 1
            self._words = words
            self._closed_at = time.monotonic() + self._pause()

    def trouble(self) -> str | None:
        """Why the workspace counts as away; None while it answers or nobody has asked yet."""
        with self._lock:
            return self._words if self._failures else None

    @property
    def ever_reached(self) -> bool:
        """True once a call has been answered."""
        return self._ever_reached

    def _pause(self) -> float:
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** max(0, self._failures - OPENS_AFTER))
