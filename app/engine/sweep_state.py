"""Where a sweep as a whole stands, and how a finished one goes on."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from app.sweep.document import Limits
from app.sweep.record import Resumption
from app.sweep.state import SweepStatus


def now_utc(after: datetime | None = None) -> datetime:
    """The wall clock, for records; decisions about time use the monotonic clock.

    Should it have been set back, what ended still did so no earlier than it began: `after`.
    """
    now = datetime.now(UTC)
    return now if after is None else max(now, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepState:
    """Where the sweep as a whole stands.

    Attributes:
        elapsed_seconds: the time it was worked on.
        exhausted: the sampler has no further point.
        limits: those of the last resumption; None: the document's.
        resumes: how often it was resumed.
        time_from: the `elapsed_seconds` from which `limits.timeout` counts.
        dismissed: trials that were canceled one by one; the end of the sweep canceled the others.
        retrying: it had finished and goes on for trials that are run again, and no others.
        canceled_as: it is canceled again when these have ended, for this reason.
    """

    status: SweepStatus
    reason: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    elapsed_seconds: float = 0.0
    exhausted: bool = False
    cancel_reason: str | None = None
    limits: Limits | None = None
    resumes: int = 0
    time_from: float = 0.0
    dismissed: tuple[int, ...] = ()
    retrying: bool = False
    canceled_as: str | None = None

    def resumed(self, resumption: Resumption) -> Self:
        """The finished sweep goes on, within other limits."""
        return replace(
            self._going_on(),
            limits=resumption.limits,
            resumes=resumption.nth,
            time_from=self.elapsed_seconds if resumption.time_renewed else self.time_from,
            retrying=False,
            canceled_as=None,
        )

    def reopened(self) -> Self:
        """The finished sweep goes on for trials that are run again; its time counts anew."""
        canceled = self.status is SweepStatus.CANCELED
        return replace(
            self._going_on(),
            time_from=self.elapsed_seconds,
            retrying=True,
            canceled_as=(self.reason or "canceled") if canceled else None,
        )

    def _going_on(self) -> Self:
        status = SweepStatus.QUEUED if self.started_at is None else SweepStatus.RUNNING
        return replace(self, status=status, reason=None, finished_at=None, cancel_reason=None)
