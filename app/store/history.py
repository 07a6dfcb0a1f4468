"""What is known from earlier sweeps before a new one costs anything."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Executable,
    Select,
    bindparam,
    exists,
    false,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from app.store.database import Database
from app.store.rights import actor_of, only_seen
from app.store.tables import METRICS, SWEEPS, TRIALS
from app.store.values import AnyRow
from app.sweep.record import BestTrial, Earlier, Predecessor
from app.sweep.state import SweepStatus, TrialStatus

LOOKED_AT = 20
"""Newest sweeps of a code that are looked at."""
USED = 3
"""Those of them whose trials are read, and how many trials of all of them."""
TRIALS_USED = 600
_C = SWEEPS.c
_TIMED = (
    TRIALS.c.status == TrialStatus.COMPLETED,
    TRIALS.c.duration_seconds.is_not(None),
)
_SUMMARY = (_C.id, _C.name, _C.status, _C.best_trial)
# Asked for all of them at once: of a code that is posted often, most have none as yet.
_TELLING = exists().where(TRIALS.c.sweep_id == _C.id, *_TIMED)
_NEWEST = (
    select(*_SUMMARY, false().label("same"), _TELLING.label("telling"))
    .where(_C.primary_metric == bindparam("metric"))
    .order_by(_C.id.desc())
    .limit(LOOKED_AT)
)
_OF_CODE = _NEWEST.where(_C.code == bindparam("code"))
_OF_NONE = _NEWEST.where(_C.code.is_(None))
_OF_DOCUMENT = (
    select(*_SUMMARY, true().label("same"), false().label("telling"))
    .where(_C.document_hash == bindparam("digest"))
    .order_by(_C.id.desc())
    .limit(1)
)


def _together(*asked: Select[*tuple[Any, ...]]) -> Executable:
    return union_all(*(select(each.subquery()) for each in asked))


_SEEING_ALL = {of_code: _together(of_code, _OF_DOCUMENT) for of_code in (_OF_CODE, _OF_NONE)}
_DOCUMENTS = (
    select(_C.id, _C.name, _C.document)
    .where(_C.id.in_(bindparam("ids", expanding=True)))
    .order_by(_C.id.desc())
)
_DURATIONS = (
    select(TRIALS.c.sweep_id, TRIALS.c.number, TRIALS.c.duration_seconds)
    .where(TRIALS.c.sweep_id.in_(bindparam("ids", expanding=True)), *_TIMED)
    .order_by(TRIALS.c.sweep_id.desc(), TRIALS.c.number)
    .limit(TRIALS_USED)
)
_REPORTS = (
    select(METRICS.c.sweep_id, METRICS.c.trial, func.max(METRICS.c.interval).label("reports"))
    .where(METRICS.c.sweep_id.in_(bindparam("ids", expanding=True)))
    .where(METRICS.c.trial.in_(bindparam("numbers", expanding=True)))
    .where(METRICS.c.name == bindparam("metric"))
    .group_by(METRICS.c.sweep_id, METRICS.c.trial)
)


def known(
    db: Database, *, document_hash: str, code: str | None, command: str, metric: str
) -> tuple[Earlier, Predecessor | None]:
    """What earlier sweeps tell of a document.

    Args:
        db: the database.
        document_hash: digest of the document as its author wrote it.
        code: digest of the code; None for a command that needs none; empty: nobody here knows it.
        command: the template, to the letter.
        metric: the primary metric.

    Returns:
        What the newest sweeps with this code, command and primary metric have shown, and the newest
        sweep of the same document.
    """
    about = {"digest": document_hash, "code": code, "metric": metric}
    with db.read() as session:
        found = session.execute(_first_look(session, code), about).all()
        same = next((_predecessor(row) for row in found if row.same), None)
        telling = sorted((row.id for row in found if row.telling), reverse=True)
        return _earlier(session, telling, command, metric), same


def _first_look(session: Session, code: str | None) -> Executable:
    """Both questions in one statement: a post waits longest for what goes to the database and back."""
    of_code = _OF_NONE if code is None else _OF_CODE
    if actor_of(session).caller.projects is None:
        return _SEEING_ALL[of_code]
    asked = (only_seen(session, each, _C.project) for each in (of_code, _OF_DOCUMENT))
    return _together(*asked)


def _predecessor(row: AnyRow) -> Predecessor:
    best = None if row.best_trial is None else BestTrial(**row.best_trial)
    return Predecessor(name=row.name, status=SweepStatus(row.status), best_trial=best)


def _earlier(session: Session, telling: Sequence[int], command: str, metric: str) -> Earlier:
    """What these sweeps have shown, the newest first, as far as they have the command."""
    used = _of_command(session, telling, command)
    if not used:
        return Earlier()
    timed = {
        (row.sweep_id, row.number): row.duration_seconds
        for row in session.execute(_DURATIONS, {"ids": list(used)})
    }
    about = {"ids": list(used), "numbers": [number for _, number in timed], "metric": metric}
    reports = session.execute(_REPORTS, about).all()
    return Earlier(
        sweeps=list(used.values()),
        durations=list(timed.values()),
        reports=[row.reports for row in reports if (row.sweep_id, row.trial) in timed],
    )


def _of_command(session: Session, ids: Sequence[int], command: str) -> dict[int, str]:
    """The names of the first few of these sweeps that have the command, by id."""
    found: dict[int, str] = {}
    # A document takes longer to read than all else here: mostly the first few are those.
    for start in range(0, len(ids), USED):
        for row in session.execute(_DOCUMENTS, {"ids": ids[start : start + USED]}):
            if row.document["trial"]["command"] == command and len(found) < USED:
                found[row.id] = row.name
        if len(found) == USED:
            break
    return found
