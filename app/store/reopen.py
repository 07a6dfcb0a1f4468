"""Finished things go on: a sweep that is resumed, a trial that is run again.

Written down at once, with what the backend has yet to be told: a service that dies in between
leaves it to the tracker of the next.
"""

from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.access.callers import Role
from app.access.quotas import Quota
from app.store import audit, events, signals
from app.store.clocks import clock
from app.store.database import Database
from app.store.news import trial_events
from app.store.progress import summary_values, write_trials
from app.store.rights import require
from app.store.sweeps import row_of, status_event
from app.store.tables import SWEEPS, TRIALS
from app.store.usage import take
from app.store.values import AnyRow, Values, sweep_of, trial_of, wish_values
from app.sweep.document import SweepDocument
from app.sweep.errors import ConflictError, NotFoundError
from app.sweep.record import Resumption, Retrial, SweepRecord, Wish
from app.sweep.state import SweepStatus, Trial, TrialStatus


def resume(
    db: Database, name: str, resumption: Resumption, quota: Quota | None = None
) -> SweepRecord:
    """Let a finished sweep run on within its new limits; due at once.

    The stored document has the new limits; its hash stays that of the document as it was sent.

    Raises:
        NotFoundError: there is none of that name.
        ForbiddenError: the caller is no operator of its project.
        QuotaExceededError: the project would use more than it may.
        ConflictError: it has not finished, or somebody else has just resumed it.
    """
    with db.write() as session:
        row = row_of(session, name, lock=True)
        require(session, Role.OPERATOR, row.project)
        status = SweepStatus(row.status)
        if not status.finished or resumption.nth != row.resumes + 1:
            raise ConflictError(f"The sweep {name!r} is {status}; only a finished one is resumed.")
        limits = resumption.limits.model_dump(mode="json", exclude_none=True)
        document = SweepDocument.stored({**row.document, "limits": limits})
        take(session, quota, row.project, document, there=sum(row.trial_counts.values()))
        values: Values = {
            "document": {**row.document, "limits": limits},
            "resumes": resumption.nth,
        }
        _go_on(session, row, resumption, values)
        audit.note(session, "sweep.resume", name, project=row.project, details={"limits": limits})
        news = [status_event(name, SweepStatus.RUNNING, None)]
        events.append(session, news, project=row.project)
        return sweep_of(row_of(session, name))


def retry(db: Database, name: str, number: int) -> Trial:
    """Let a finished trial wait for its next attempt; a finished sweep runs on for it.

    Raises:
        NotFoundError: no such sweep or trial.
        ConflictError: the trial has not finished, or its sweep is about to end.
    """
    with db.write() as session:
        row = row_of(session, name, lock=True)
        require(session, Role.OPERATOR, row.project)
        before = _trial(session, row, number)
        if not before.status.finished:
            raise ConflictError(
                f"Trial {number} is {before.status}; only a finished one is retried."
            )
        if row.status == SweepStatus.CANCELING:
            raise ConflictError(f"The sweep {name!r} is canceling; retry the trial after its end.")
        trial = Trial(
            number=number,
            parameters=before.parameters,
            attempt=before.attempt + 1,
            status_reason="queued again: retried on request",
            queued_at=datetime.now(UTC),
        )
        write_trials(session, row.id, {number: before}, [trial])
        failed = before.status is TrialStatus.FAILED
        values: Values = summary_values(session, row.id, row.goal, failures=failed)
        news = trial_events(name, {number: before}, [trial])
        if values["best_trial"] != row.best_trial:
            data = {"best_trial": values["best_trial"]}
            news.append(events.NewEvent("sweep.best", name, data))
        if SweepStatus(row.status).finished:
            news.append(status_event(name, SweepStatus.RUNNING, None))
        _go_on(session, row, Retrial(number=number, attempt=trial.attempt), values)
        audit.note(session, "trial.retry", name, project=row.project, details={"trial": number})
        events.append(session, news, project=row.project)
        return trial


def _go_on(session: Session, row: AnyRow, wish: Wish, values: Values) -> None:
    """Note the wish, and have a finished sweep run again."""
    values["wishes"] = [*(row.wishes or []), wish_values(wish)]
    values["due_at"] = clock()
    status = SweepStatus(row.status)
    if status.finished and status.may_become(SweepStatus.RUNNING, on_request=True):
        values |= {
            "status": SweepStatus.RUNNING,
            "status_reason": None,
            "finished_at": None,
            "archived": False,
            "cancel_requested": False,
            "failures": 0,
            "sync_error": None,
        }
    session.execute(update(SWEEPS).where(SWEEPS.c.id == row.id).values(**values))
    signals.note_due(session, row.backend)


def _trial(session: Session, row: AnyRow, number: int) -> Trial:
    statement = select(TRIALS).where(TRIALS.c.sweep_id == row.id, TRIALS.c.number == number)
    found = session.execute(statement).one_or_none()
    if found is None:
        raise NotFoundError(f"The sweep {row.name!r} has no trial {number}.")
    return trial_of(found)
