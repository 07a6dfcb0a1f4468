"""What is known from earlier sweeps before a new one costs anything."""

from collections.abc import Sequence

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.store.database import Database
from app.store.rights import seen
from app.store.tables import METRICS, SWEEPS, TRIALS
from app.store.values import sweep_of
from app.sweep.record import Earlier, SweepRecord
from app.sweep.state import TrialStatus

LOOKED_AT = 20
"""Newest sweeps of a code that are looked at."""
USED = 3
"""Those of them whose trials are read, and how many trials of each."""
TRIALS_USED = 200
_TIMED = (
    TRIALS.c.status == TrialStatus.COMPLETED,
    TRIALS.c.duration_seconds.is_not(None),
)


def same_document(db: Database, document_hash: str) -> SweepRecord | None:
    """The newest sweep of the same document."""
    statement = select(SWEEPS).where(SWEEPS.c.document_hash == document_hash)
    with db.read() as session:
        statement = statement.where(seen(session, SWEEPS.c.project))
        row = session.execute(statement.order_by(SWEEPS.c.id.desc()).limit(1)).one_or_none()
        return None if row is None else sweep_of(row)


def same_code(db: Database, *, code: str | None, command: str, metric: str) -> Earlier:
    """What the newest sweeps with this code, command and primary metric have shown.

    Args:
        db: the database.
        code: digest of the code; None for a command that needs none.
        command: the template, to the letter.
        metric: the primary metric.
    """
    # Asked for all of them at once: of a code that is posted often, most have none as yet.
    telling = exists().where(TRIALS.c.sweep_id == SWEEPS.c.id, *_TIMED)
    statement = (
        select(SWEEPS.c.id, SWEEPS.c.name, SWEEPS.c.document, telling.label("telling"))
        .where(SWEEPS.c.code == code, SWEEPS.c.primary_metric == metric)
        .order_by(SWEEPS.c.id.desc())
        .limit(LOOKED_AT)
    )
    with db.read() as session:
        statement = statement.where(seen(session, SWEEPS.c.project))
        used = [
            row
            for row in session.execute(statement)
            if row.telling and row.document["trial"]["command"] == command
        ][:USED]
        found = [(row.name, *_trials(session, row.id, metric)) for row in used]
    return Earlier(
        sweeps=[name for name, _, _ in found],
        durations=[seconds for _, durations, _ in found for seconds in durations],
        reports=[count for _, _, reports in found for count in reports],
    )


def _trials(session: Session, sweep_id: int, metric: str) -> tuple[Sequence[float], Sequence[int]]:
    """Duration and number of reports of the completed trials of one sweep."""
    trials = session.execute(
        select(TRIALS.c.number, TRIALS.c.duration_seconds)
        .where(TRIALS.c.sweep_id == sweep_id, *_TIMED)
        .order_by(TRIALS.c.number)
        .limit(TRIALS_USED)
    ).all()
    numbers = [row.number for row in trials]
    reported = session.execute(
        select(METRICS.c.trial, func.max(METRICS.c.interval).label("reports"))
        .where(METRICS.c.sweep_id == sweep_id, METRICS.c.trial.in_(numbers))
        .where(METRICS.c.name == metric)
        .group_by(METRICS.c.trial)
    ).all()
    return [row.duration_seconds for row in trials], [row.reports for row in reported]
