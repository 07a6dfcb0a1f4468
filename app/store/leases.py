"""Leases: who may look at a sweep until when, and the writes that only the lease's holder may do.

Times are the database's own, so that services with different clocks agree. Each claim gets a
higher token; a write whose token is no longer the row's changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from app.store import events, signals
from app.store.database import Database
from app.store.engines import clock
from app.store.progress import record_progress
from app.store.sweeps import status_event
from app.store.tables import SWEEPS
from app.store.values import AnyRow, Values, sweep_of, wishes_of
from app.sweep.document import BackendName
from app.sweep.record import Claim
from app.sweep.state import SweepSnapshot, SweepStatus

_C = SWEEPS.c


def claim_due(
    db: Database,
    owner: str,
    *,
    backend: BackendName,
    limit: int,
    lease: float,
    but: Collection[str] = (),
) -> list[Claim]:
    """Claim a backend's sweeps that are due, the most overdue first.

    Args:
        db: the database.
        owner: who claims, for people who look at the table.
        backend: whose sweeps.
        limit: how many at most.
        lease: seconds until somebody else may claim them.
        but: names that are not claimed, whatever the clock says of their leases.
    """
    with db.write() as session:
        rows = session.execute(
            select(_C.id)
            .where(_due(), _free(), _C.backend == backend, _C.name.not_in(but))
            .order_by(_C.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        return _take(session, [row.id for row in rows], owner, lease)


def claim_announced(
    db: Database,
    names: Collection[str],
    owner: str,
    *,
    lease: float,
    room: Mapping[BackendName, int],
    polled: Collection[BackendName] = (),
    elsewhere: Collection[BackendName] = (),
) -> tuple[list[Claim], dict[str, BackendName]]:
    """Claim those of these sweeps now that have not ended and that nobody holds, due or not.

    Args:
        db: the database.
        names: of the sweeps.
        owner: who claims.
        lease: seconds until somebody else may claim them.
        room: how many are claimed of each backend; of others without limit.
        polled: backends whose sweeps are claimed only when they are due.
        elsewhere: backends whose sweeps are left to others.

    Returns:
        The claims, and the backend of each sweep for which there was no room.
    """
    left: dict[str, BackendName] = {}
    rooms = dict(room)
    with db.write() as session:
        rows = session.execute(
            select(_C.id, _C.name, _C.backend)
            .where(_C.name.in_(sorted(names)), _C.due_at.is_not(None), _free())
            .where(or_(_due(), _C.backend.not_in(polled)), _C.backend.not_in(elsewhere))
            .order_by(_C.due_at)
            .with_for_update(skip_locked=True)
        ).all()
        ids = []
        for row in rows:
            rooms[row.backend] = rooms.get(row.backend, len(rows)) - 1
            if rooms[row.backend] >= 0:
                ids.append(row.id)
            else:
                left[row.name] = row.backend
        return _take(session, ids, owner, lease), left


def now(db: Database) -> float:
    """What the clock of all times here says, in seconds since 1970."""
    with db.read() as session:
        return session.execute(select(clock())).scalar_one()


def clock_set_back(db: Database, *, lease: float, longest_wait: float) -> None:
    """Let nothing wait for a time that was near before the clock was set back, and now is far.

    Whoever holds a lease renews it; one whose holder is gone runs out as it would have. To say
    so twice, or without need, does no harm.

    Args:
        db: the database.
        lease: seconds that a lease lasts.
        longest_wait: what is due later than in so many seconds is due at once.
    """
    with db.write() as session:
        session.execute(
            update(SWEEPS).where(_C.due_at > clock() + longest_wait).values(due_at=clock())
        )
        session.execute(
            update(SWEEPS)
            .where(_C.lease_until > clock() + lease)
            .values(lease_until=clock() + lease)
        )


def renew(db: Database, claims: Sequence[Claim], *, lease: float) -> None:
    """Hold on to claims whose looks take long; those that are no longer valid stay so."""
    with db.write() as session:
        for claim in claims:
            session.execute(
                update(SWEEPS)
                .where(_C.name == claim.sweep.name, _C.token == claim.token)
                .where(_C.lease_until.is_not(None))
                .values(lease_until=clock() + lease)
            )


def apply(db: Database, claim: Claim, snapshot: SweepSnapshot, *, next_look: float) -> bool:
    """Write down what a look brought, and release the lease.

    Cursor and data move together, so what a look brought is counted exactly once. A look
    without news writes the columns of the schedule alone.

    Args:
        db: the database.
        claim: the right to write.
        snapshot: what is new since `claim.cursor`.
        next_look: seconds until the sweep is due again, unless it has ended.

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
        _release(session, row, None if finished else next_look, **changed)
        return True


def submitted(db: Database, claim: Claim) -> bool:
    """Note that the backend has the sweep; the lease goes on. False: the claim is not valid."""
    with db.write() as session:
        row = _held(session, claim)
        if row is None:
            return False
        values: Values = {"submitted_at": func.coalesce(_C.submitted_at, datetime.now(UTC))}
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


def _due() -> ColumnElement[bool]:
    return _C.due_at.is_not(None) & (_C.due_at <= clock())


def _free() -> ColumnElement[bool]:
    return or_(_C.lease_until.is_(None), _C.lease_until < clock())


def _take(session: Session, ids: Sequence[int], owner: str, lease: float) -> list[Claim]:
    if not ids:
        return []
    rows = session.execute(
        update(SWEEPS)
        .where(_C.id.in_(ids))
        .values(token=_C.token + 1, lease_owner=owner, lease_until=clock() + lease)
        .returning(*SWEEPS.c)
    ).all()
    by_id = {row.id: _claim_of(row) for row in rows}
    return [by_id[sweep_id] for sweep_id in ids]


def _claim_of(row: AnyRow) -> Claim:
    return Claim(
        sweep=sweep_of(row),
        token=row.token,
        cursor=row.cursor,
        cancel_requested=row.cancel_requested,
        wishes=wishes_of(row),
        failures=row.failures,
    )


def _held(session: Session, claim: Claim) -> AnyRow | None:
    """The claimed row, locked; None when the token is no longer the row's."""
    return session.execute(
        select(SWEEPS)
        .where(_C.name == claim.sweep.name, _C.token == claim.token)
        .where(_C.lease_until.is_not(None))
        .with_for_update()
    ).one_or_none()


def _change(session: Session, row: AnyRow, values: Values) -> None:
    session.execute(update(SWEEPS).where(_C.id == row.id).values(**values))


def _release(session: Session, row: AnyRow, next_look: float | None, **changed: object) -> None:
    """Let others claim it; what was asked for during the look makes it due at once."""
    wait = 0.0 if row.cancel_requested or row.wishes else next_look
    if next_look is not None and wait == 0.0:
        signals.note_due(session, row.backend)
    due = None if next_look is None or wait is None else clock() + wait
    schedule: Values = {"lease_until": None, "lease_owner": None, "due_at": due}
    _change(session, row, {**changed, **schedule})
