"""What a project uses of the service, held against its quota in the transaction that takes more."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from app.access.quotas import DAY_SECONDS, Quota, Usage, hold_to
from app.store.tables import SWEEPS
from app.sweep.document import SweepDocument, expected_trials
from app.sweep.state import SweepStatus

_C = SWEEPS.c
_LIVE = [status.value for status in SweepStatus if not status.finished]
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('quota/' || :project, 0))"


def take(
    session: Session,
    quota: Quota | None,
    project: str | None,
    document: SweepDocument,
    *,
    there: int = 0,
) -> None:
    """Pass when a sweep may begin, or go on; others of the project wait until this is committed.

    Args:
        session: of the transaction that writes the sweep.
        quota: of the project; None: it has none.
        project: whose sweep it is.
        document: complete, with its limits.
        there: trials that it has already.

    Raises:
        QuotaExceededError: the project would use more than it may.
    """
    if quota is None:
        return
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(_LOCK), {"project": project or ""})
    used, age = _used(session, project)
    wanted = Usage(
        active_sweeps=1,
        trials_per_day=max(0, expected_trials(document.normalized()) - there),
        concurrent_trials=document.limits.max_concurrent_trials or 1,
    )
    hold_to(quota, project, used, wanted, oldest_age=age)


def _used(session: Session, project: str | None) -> tuple[Usage, float]:
    """What is in use, and seconds since the oldest submission that counts for the day."""
    now = datetime.now(UTC)
    day = now - timedelta(seconds=DAY_SECONDS)
    rows = session.execute(
        select(_C.status, _C.document, _C.trial_counts, _C.created_at).where(
            _C.project.is_(None) if project is None else _C.project == project,
            or_(_C.status.in_(_LIVE), _C.created_at > day),
        )
    ).all()
    active = [row for row in rows if row.status in _LIVE]
    today = [row for row in rows if row.created_at > day]
    trials = sum(
        expected_trials(row.document) if row.status in _LIVE else sum(row.trial_counts.values())
        for row in today
    )
    at_once = sum(row.document["limits"].get("max_concurrent_trials") or 1 for row in active)
    usage = Usage(active_sweeps=len(active), trials_per_day=trials, concurrent_trials=at_once)
    oldest = min((row.created_at for row in today), default=now)
    return usage, (now - oldest).total_seconds()
