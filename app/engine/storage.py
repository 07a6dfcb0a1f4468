"""Whether the engine can write to its folder: while it cannot, nothing new is begun.

What has happened meanwhile is kept in memory and written down when there is room again.
"""

import logging
import time
from contextlib import suppress
from pathlib import Path

LOOK_SECONDS = 1.0
"""How often the folder is tried while it cannot be written."""
_TRIED_BYTES = 64 * 1024

log = logging.getLogger(__name__)


class Storage:
    """The engine's folder as something that may be full or read-only for a while."""

    def __init__(self, folder: Path) -> None:
        """Take it to be in order until something shows that it is not."""
        self._tried = folder / "writable"
        self.trouble: str | None = None
        """Why nothing can be written; None while it can."""
        self.look_at: float | None = None
        """When `usable` tries again (monotonic); None while there is no trouble."""

    def failed(self, error: OSError) -> None:
        """Something could not be written."""
        if self.trouble is None:
            log.warning("the folder cannot be written: %s; no trial starts until it can", error)
        self.trouble = error.strerror or str(error)
        self.look_at = time.monotonic() + LOOK_SECONDS

    def usable(self, now: float) -> bool:
        """True while the folder can be written; one that cannot is tried once a second."""
        if self.look_at is None:
            return True
        if now < self.look_at:
            return False
        try:
            self._tried.write_bytes(bytes(_TRIED_BYTES))
        except OSError as error:
            self.failed(error)
            return False
        finally:
            with suppress(OSError):
                self._tried.unlink(missing_ok=True)
        log.warning("the folder can be written again")
        self.trouble = self.look_at = None
        return True
