"""A circuit that opens when the whole workspace is to be left alone, so that nobody waits for it."""

import threading
import time

from app.backends.base import BackendError, ErrorKind

OPENS_AFTER = 3
"""Failures to reach it in a row, over all sweeps."""
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0
_LONGEST_QUIET = 3600.0
_WHILE_TRYING = 1.0


class Circuit:
    """Counts failures to reach the workspace; after some, calls fail at once for a while.

    It opens at once when the workspace itself asks to be left alone (429). When the pause is over a
    single call is let through to try; the others go on failing until it has an answer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._open = False
        self._trying = False
        self._pause = _FIRST_PAUSE
        self._until = 0.0
        self._quiet_until = 0.0
        self._words = ""
        self._ever_reached = False

    def check(self) -> None:
        """Raise BackendError while the circuit is open."""
        with self._lock:
            now = time.monotonic()
            left = self._until - now
            if self._open and left > 0:
                wait = min(left, _WHILE_TRYING) if self._trying else left
                kind: ErrorKind = "throttled" if self._quiet_until > now else "unreachable"
                raise BackendError(self._words, retryable=True, retry_after=wait, kind=kind)
            if self._open:
                self._trying = True
                self._until = time.monotonic() + self._pause

    def check_quiet(self) -> None:
        """Raise BackendError while no request may leave, not even one of a call under way."""
        with self._lock:
            left = self._quiet_until - time.monotonic()
            if left > 0:
                raise BackendError(self._words, retryable=True, retry_after=left, kind="throttled")

    def heard(self) -> None:
        """One request was answered: failures before it were not all in a row."""
        with self._lock:
            self._failures = 0

    def reached(self, trouble: str = "") -> None:
        """The workspace answered.

        Args:
            trouble: why it does not serve us all the same: sign-in, role or name are wrong.
        """
        with self._lock:
            if time.monotonic() < self._quiet_until:
                # An answer to what was asked before the workspace asked to be left alone.
                return
            self._failures = 0
            self._open = self._trying = False
            self._words = trouble
            self._ever_reached |= not trouble

    def failed(self, words: str) -> None:
        """The workspace did not answer."""
        with self._lock:
            self._failures += 1
            self._words = words
            if self._failures >= OPENS_AFTER:
                growth = 2.0 ** min(10, self._failures - OPENS_AFTER)
                self._pause_for(min(_LONGEST_PAUSE, _FIRST_PAUSE * growth))

    def throttled(self, words: str, seconds: float | None) -> None:
        """The workspace asked to be left alone, for so long if it said how long."""
        with self._lock:
            self._words = words
            self._pause_for(_FIRST_PAUSE if seconds is None else min(seconds, _LONGEST_QUIET))
            self._quiet_until = max(self._quiet_until, self._until)

    def trouble(self) -> str | None:
        """Why the workspace cannot be used; None while it can, or nobody has asked yet."""
        with self._lock:
            return self._words or None

    @property
    def ever_reached(self) -> bool:
        """True once a call has been answered as it should."""
        return self._ever_reached

    def _pause_for(self, seconds: float) -> None:
        self._open, self._trying = True, False
        self._pause = seconds
        self._until = max(self._quiet_until, time.monotonic() + seconds)
