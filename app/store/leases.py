"""Leases: what only the holder of a claim may write, for as long as it is valid.

A write whose token is no longer the row's changes nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.store import events, last_words, signals
from app.store.clocks import clock
from app.store.database import Database
from app.store.progress import record_progress
from app.store.sweeps import status_event
from app.store.tables import SWEEPS
from app.store.values import AnyRow, Values
from app.sweep.record import Claim
from app.sweep.state import SweepSnapshot, SweepStatus

_C = SWEEPS.c
_HELD_BY = (
    (_C.name == bindparam("held")) & (_C.token == bindparam("by")) & _C.lease_until.is_not(None)
)
_RENEW = update(SWEEPS).where(_HELD_BY).values(lease_until=clock() + bindparam("lease"))
_UNREAD = frozenset({"document", "inputs"})
"""What no write of a look rests on, and takes long to read."""
_HELD = (
    select(*(column for column in _C if column.name not in _UNREAD))
    .where(_HELD_BY)
    .with_for_update()
)
_CHANGE = update(SWEEPS).where(_C.id == bindparam("row"))
_LET_GO = _CHANGE.values(lease_until=None, lease_owner=None)
_END = _LET_GO.values(due_at=None)
_LOOK_AGAIN = _LET_GO.values(due_at=clock() + bindparam("wait"))


def renew(db: Database, claims: Sequence[Claim], *, lease: float) -> None:
    """Hold on to claims whose looks take long; those that are no longer valid stay so."""
    held = [{"held": claim.sweep.name, "by": claim.token, "lease": lease} for claim in claims]
    with db.write() as session:
        session.execute(_RENEW, held)


def apply(
    db: Database,
    claim: Claim,
    snapshot: SweepSnapshot,
    *,
    next_look: float,
    submitted: bool = False,
) -> bool:
    """Write down what a look brought, and release the lease.

    Cursor and data move together, so what a look brought is counted exactly once. A look
    without news writes the columns of the schedule alone.

    Args:
        db: the database.
        claim: the right to write.
        snapshot: what is new since `claim.cursor`.
        next_look: seconds until the sweep is due again, unless it has ended.
        submitted: the backend got the sweep just before; see `submitted`.

    Returns:
        False when the claim is no longer valid; nothing was written then.
    """
    with db.write() as session:
        row = _held(session, claim)
        if row is None:
            return False
        changed = record_progress(session, row, snapshot)
        finished = (
            SweepStatus(str(changed.get("status", row.status))).finished and not snapshot.more
        )
        changed["last_synced_at"] = datetime.now(UTC)
        if submitted:
            changed["submitted_at"] = row.submitted_at or changed["last_synced_at"]
        _release(session, row, None if finished else next_look, **changed)
        return True


def submitted(db: Database, claim: Claim) -> bool:
    """Note that the backend has the sweep; the lease goes on. False: the claim is not valid."""
    with db.write() as session:
        row = _held(session, claim)
        if row is None:
            return False
        values: Values = {"submitted_at": row.submitted_at or datetime.now(UTC)}
        if row.status == SweepStatus.SUBMITTING:
            values["status"] = SweepStatus.QUEUED
            events.append(
                session,
                [status_event(row.name, SweepStatus.QUEUED, None)],
                project=row.project,
            )
        _change(session, row, values)
        return True


def told_cancel(db: Database, claim: Claim) -> bool:
    """Note that the backend knows of the wish to end; the lease goes on."""
    with db.write() as session:
        row = _held(session, claim)
        if row is None:
            return False
        _change(session, row, {"cancel_requested": False})
        return True


def told_wishes(db: Database, claim: Claim) -> bool:
    """Note that the backend knows of the wishes of the claim; the lease goes on."""
    with db.write() as session:
        row = _held(session, claim)
        if row is None:
            return False
        left = (row.wishes or [])[len(claim.wishes) :]
        _change(session, row, {"wishes": left or None})
        return True


def finish(db: Database, claim: Claim, status: SweepStatus, reason: str) -> bool:
    """End a sweep that its backend never had or no longer has."""
    with db.write() as session:
        row = _held(session, claim)
        if row is None or not SweepStatus(row.status).may_become(status):
            return False
        events.append(session, [status_event(row.name, status, reason)], project=row.project)
        _release(
            session,
            row,
            None,
            status=status,
            status_reason=reason,
            finished_at=datetime.now(UTC),
            sync_error=None,
            wishes=None,
        )
        return True


def postpone(db: Database, claim: Claim, *, error: str, delay: float) -> bool:
    """Note that the look failed, and try again after `delay` seconds."""
    with db.write() as session:
        row = _held(session, claim)
        if row is None:
            return False
        if row.sync_error != error:
            news = [events.NewEvent("sync.error", row.name, {"error": error})]
            events.append(session, news, project=row.project)
        _release(session, row, delay, sync_error=error, failures=row.failures + 1)
        return True


def _held(session: Session, claim: Claim) -> AnyRow | None:
    """The claimed row, locked; None when the token is no longer the row's."""
    return session.execute(_HELD, {"held": claim.sweep.name, "by": claim.token}).one_or_none()


def _change(session: Session, row: AnyRow, values: Values) -> None:
    last_words.leave(session, _CHANGE, {"row": row.id, **values})


def _release(session: Session, row: AnyRow, next_look: float | None, **changed: object) -> None:
    """Let others claim it; what was asked for during the look makes it due at once."""
    wait = 0.0 if row.cancel_requested or row.wishes else next_look
    if next_look is not None and wait == 0.0:
        signals.note_due(session, row.backend)
    if next_look is None or wait is None:
        last_words.leave(session, _END, {"row": row.id, **changed})
    else:
        last_words.leave(session, _LOOK_AGAIN, {"row": row.id, "wait": wait, **changed})
