"""The tracker's looks as they are watched: named in the log, counted, timed, traced."""

import logging
import threading
import time
from collections.abc import Callable

from app.sweep.record import Claim
from app.watching import metrics, tracing
from app.watching.logs import about

DONE = "done"
POSTPONED = "postponed"
"""What a look comes to."""

log = logging.getLogger(__name__)


class Looks:
    """Those of one tracker, which makes them in many threads."""

    def __init__(self) -> None:
        self._origins = tracing.Origins()
        self._outcome = threading.local()

    def asked_for(self, sweep: str) -> None:
        """Somebody asks for a look at the sweep; a request that does is the look's origin."""
        self._origins.note(sweep)

    def make(self, look: Callable[[Claim], None], claim: Claim) -> None:
        """Make a look in this thread."""
        sweep = claim.sweep
        attributes = {"sweepfront.sweep": sweep.name, "sweepfront.backend": sweep.backend}
        if sweep.request_id is not None:
            attributes["sweepfront.request_id"] = sweep.request_id
        began = time.perf_counter()
        self._outcome.word = DONE
        with (
            about(sweep=sweep.name, request_id=sweep.request_id),
            tracing.span("look", attributes, origin=self._origins.of(sweep.name)) as span,
        ):
            try:
                look(claim)
            finally:
                outcome: str = self._outcome.word
                span.set_attribute("sweepfront.outcome", outcome)
                metrics.look_ended(sweep.backend, outcome, time.perf_counter() - began)

    def postponed(self, sweep: str, reason: str, delay: float) -> None:
        """The look of this thread failed; the next one follows after `delay` seconds."""
        self._outcome.word = POSTPONED
        log.warning("sweep %s: %s; next look in %.0f s", sweep, reason, delay)
