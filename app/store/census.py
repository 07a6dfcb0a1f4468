"""How much there is to do: a query over the live sweeps, and one over the deliveries that wait.

Both follow partial indexes, so that what has ended costs nothing, however much there is of it; the
trials are those that each sweep's row counts.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, literal_column, or_, select
from sqlalchemy.orm import Session

from app.store.clocks import clock
from app.store.database import Database
from app.store.tables import SWEEPS, WEBHOOK_DELIVERIES, WEBHOOKS
from app.store.values import AnyRow
from app.sweep.census import BackendCensus, Census, WebhookCensus
from app.sweep.state import SweepStatus, TrialStatus
from app.sweep.webhook import DeliveryStatus

_S = SWEEPS.c
_D = WEBHOOK_DELIVERIES.c
_W = WEBHOOKS.c
_LIVE = [status for status in SweepStatus if not status.finished]
_NOT_BEGUN = (SweepStatus.SUBMITTING, SweepStatus.QUEUED)


def census(db: Database, backends: Iterable[str] = ()) -> Census:
    """The figures of this moment, by the database's clock.

    Args:
        db: the records.
        backends: are told of even if they have no live sweep.
    """
    with db.read() as session:
        now, rows = _live(session)
        webhooks = _waiting(session)
    of_backend: dict[str, list[AnyRow]] = {name: [] for name in backends}
    for row in rows:
        of_backend.setdefault(row.backend, []).append(row)
    return Census(
        backends=[_of(name, found, now) for name, found in sorted(of_backend.items())],
        webhooks=webhooks,
    )


def _live(session: Session) -> tuple[float, Sequence[AnyRow]]:
    """The database's clock, and what is needed of every live sweep."""
    free = or_(_S.lease_until.is_(None), _S.lease_until < clock())
    rows = session.execute(
        select(
            _S.backend,
            _S.status,
            _S.trial_counts,
            _S.created_at,
            _S.started_at,
            (clock() - _S.due_at).label("overdue"),
            free.label("free"),
            clock().label("now"),
        ).where(_S.due_at.is_not(None))
    ).all()
    return (rows[0].now if rows else 0.0), rows


def _of(backend: str, rows: Sequence[AnyRow], now: float) -> BackendCensus:
    # What there is none of counts zero: a series that comes and goes cannot be watched.
    sweeps: Counter[str] = Counter(dict.fromkeys(_LIVE, 0))
    sweeps.update(row.status for row in rows)
    trials: Counter[str] = Counter(dict.fromkeys(TrialStatus, 0))
    for row in rows:
        trials.update(row.trial_counts)
    overdue = [row.overdue for row in rows if row.free and row.overdue > 0]
    waits = [
        now - row.created_at.timestamp()
        for row in rows
        if row.status in _NOT_BEGUN and row.started_at is None
    ]
    return BackendCensus(
        backend=backend,
        sweeps=sweeps,
        trials=trials,
        due=len(overdue),
        lag_seconds=max(overdue, default=0.0),
        queue_seconds=max(0.0, *waits) if waits else 0.0,
    )


def _waiting(session: Session) -> WebhookCensus:
    # Spelt out, as in the index: SQLite does not use it for a value that it is told later.
    pending = _D.status == literal_column(f"'{DeliveryStatus.PENDING}'")
    row = session.execute(
        select(func.count().label("waiting"), func.min(_D.created_at).label("oldest"), clock())
        .select_from(WEBHOOK_DELIVERIES)
        .join(WEBHOOKS, _W.id == _D.webhook_id)
        .where(_W.active, pending)
    ).one()
    oldest: datetime | None = row.oldest
    seconds = 0.0 if oldest is None else max(0.0, row[2] - oldest.timestamp())
    return WebhookCensus(waiting=row.waiting, oldest_seconds=seconds)
