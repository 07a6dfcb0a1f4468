"""Trials with their reports and decisions, as they are read."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store.database import Database
from app.store.paging import MAX_INTEGER, Order, Page, page_of
from app.store.rights import seen
from app.store.tables import DECISIONS, METRICS, SWEEPS, TRIALS
from app.store.values import AnyRow, decision_of, metric_of, trial_of
from app.sweep.errors import NotFoundError
from app.sweep.state import Decision, Metric, Trial, TrialStatus

_NUMBER = TRIALS.c.number
_ORDERS = {
    "number": Order(column=_NUMBER, tie=_NUMBER, kind=int),
    "objective": Order(column=TRIALS.c.objective_value, tie=_NUMBER, kind=float),
    "-objective": Order(column=TRIALS.c.objective_value, tie=_NUMBER, kind=float, descending=True),
    "started_at": Order(column=TRIALS.c.started_at, tie=_NUMBER, kind=datetime),
}
_METRIC_ORDER = {"arrival": Order(column=METRICS.c.id, tie=METRICS.c.id, kind=int)}
_DECISION_ORDERS = {
    "arrival": Order(column=DECISIONS.c.id, tie=DECISIONS.c.id, kind=int),
    "-arrival": Order(
        column=DECISIONS.c.id, tie=DECISIONS.c.id, kind=int, descending=True, tie_descending=True
    ),
}


def get(db: Database, sweep: str, number: int) -> Trial:
    """One trial.

    Raises:
        NotFoundError: no such sweep, or it has no such trial (yet).
    """
    with db.read() as session:
        sweep_id = _sweep(session, sweep).id
        return trial_of(_existing(session, sweep, sweep_id, number))


def page(
    db: Database,
    sweep: str,
    *,
    status: TrialStatus | None = None,
    sort: str = "number",
    limit: int,
    cursor: str | None = None,
) -> Page[Trial]:
    """The sweep's trials; `sort` is number, objective, -objective or started_at, unknowns last.

    Raises:
        NotFoundError: no such sweep.
        InvalidDocumentError: a sort key or cursor that is none.
    """
    with db.read() as session:
        statement = select(TRIALS).where(TRIALS.c.sweep_id == _sweep(session, sweep).id)
        if status is not None:
            statement = statement.where(TRIALS.c.status == status)
        return page_of(session, statement, _ORDERS, trial_of, sort=sort, limit=limit, cursor=cursor)


def metrics(
    db: Database,
    sweep: str,
    number: int,
    *,
    name: str | None = None,
    after: str | None = None,
    limit: int,
) -> Page[Metric]:
    """The reports of the trial's latest attempt in the order of arrival; `after` is a cursor.

    Raises:
        NotFoundError: no such sweep or trial.
        InvalidDocumentError: a cursor that is none.
    """
    with db.read() as session:
        sweep_id = _sweep(session, sweep).id
        _existing(session, sweep, sweep_id, number)
        statement = select(METRICS).where(METRICS.c.sweep_id == sweep_id, METRICS.c.trial == number)
        if name is not None:
            statement = statement.where(METRICS.c.name == name)
        return page_of(
            session, statement, _METRIC_ORDER, metric_of, sort="arrival", limit=limit, cursor=after
        )


def every(db: Database, sweep: str) -> list[Trial]:
    """All trials of a sweep, by number.

    Raises:
        NotFoundError: no such sweep.
    """
    with db.read() as session:
        statement = select(TRIALS).where(TRIALS.c.sweep_id == _sweep(session, sweep).id)
        return [trial_of(row) for row in session.execute(statement.order_by(_NUMBER))]


def reports(db: Database, sweep: str, name: str) -> list[Metric]:
    """Every report of a metric by all trials of a sweep, in the order of arrival.

    Raises:
        NotFoundError: no such sweep.
    """
    with db.read() as session:
        statement = select(METRICS).where(
            METRICS.c.sweep_id == _sweep(session, sweep).id, METRICS.c.name == name
        )
        return [metric_of(row) for row in session.execute(statement.order_by(METRICS.c.id))]


def decisions(
    db: Database,
    sweep: str,
    number: int,
    *,
    sort: str = "arrival",
    limit: int,
    cursor: str | None = None,
) -> Page[Decision]:
    """The trial's entries of the early-termination ledger, of all its attempts.

    `sort` is arrival, the oldest first, or -arrival.

    Raises:
        NotFoundError: no such sweep or trial.
        InvalidDocumentError: a sort key or cursor that is none.
    """
    with db.read() as session:
        sweep_id = _sweep(session, sweep).id
        _existing(session, sweep, sweep_id, number)
        statement = select(DECISIONS).where(
            DECISIONS.c.sweep_id == sweep_id, DECISIONS.c.trial == number
        )
        return page_of(
            session,
            statement,
            _DECISION_ORDERS,
            decision_of,
            sort=sort,
            limit=limit,
            cursor=cursor,
        )


def best(db: Database, sweep: str) -> Trial | None:
    """The best trial, if there is one already.

    Raises:
        NotFoundError: no such sweep.
    """
    with db.read() as session:
        row = _sweep(session, sweep)
        if row.best_trial is None:
            return None
        return trial_of(_existing(session, sweep, row.id, row.best_trial["number"]))


def _sweep(session: Session, name: str) -> AnyRow:
    statement = select(SWEEPS.c.id, SWEEPS.c.best_trial).where(
        SWEEPS.c.name == name, seen(session, SWEEPS.c.project)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no sweep named {name!r}.")
    return row


def _existing(session: Session, sweep: str, sweep_id: int, number: int) -> AnyRow:
    statement = select(TRIALS).where(TRIALS.c.sweep_id == sweep_id, TRIALS.c.number == number)
    row = session.execute(statement).one_or_none() if 0 <= number <= MAX_INTEGER else None
    if row is None:
        raise NotFoundError(f"The sweep {sweep!r} has no trial {number}.")
    return row
