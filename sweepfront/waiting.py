"""Waiting for a sweep's end, patient with a service that is away for a moment."""

import time
from collections.abc import Callable

from sweepfront.errors import ServiceError, SweepfrontError, UnavailableError, WaitTimeoutError
from sweepfront.shapes import Sweep

AWAY = (UnavailableError, ServiceError)
"""What a service that is being started again answers, or a proxy in its place."""
_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0


class Patience:
    """For how long a service has been away; it runs out after a minute."""

    def __init__(self) -> None:
        self._since: float | None = None

    def heard(self) -> None:
        """The service answers."""
        self._since = None

    def tried(self, error: SweepfrontError) -> None:
        """The service did not answer.

        Raises:
            SweepfrontError: that error, when it has been so for a minute.
        """
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > _PATIENCE_SECONDS:
            raise error


def until_finished(
    name: str, look: Callable[[], Sweep], show: Callable[[Sweep], None], timeout: float | None
) -> Sweep:
    """Look at a sweep twice a second until it has ended; the sweep as it then is.

    Args:
        name: the sweep's.
        look: reads the sweep.
        show: told of every look.
        timeout: seconds; None waits for as long as it takes.

    Raises:
        WaitTimeoutError: it has not ended in time.
        SweepfrontError: the service refuses to tell, or stays away for a minute.
    """
    patience = Patience()
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        try:
            sweep = look()
        except AWAY as error:
            patience.tried(error)
        else:
            patience.heard()
            show(sweep)
            if sweep.finished:
                return sweep
        pause = _LOOK_SECONDS
        if end is not None:
            pause = min(pause, end - time.monotonic())
            if pause <= 0:
                raise WaitTimeoutError(f"{name} has not ended within {timeout:g} s; it goes on")
        time.sleep(pause)
