"""Claims: which sweeps are due, and the right to look at them until a lease ends.

Times are the database's own, so that services with different clocks agree. Each claim gets a
higher token, by which `app.store.leases` knows it.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from app.store.clocks import clock, clock_at_start
from app.store.database import Database
from app.store.tables import SWEEPS
from app.store.values import AnyRow, sweep_of, wishes_of
from app.sweep.document import BackendName
from app.sweep.record import Claim

_C = SWEEPS.c
_DUE = _C.due_at.is_not(None) & (_C.due_at <= clock_at_start())
_FREE = or_(_C.lease_until.is_(None), _C.lease_until < clock())
# Said so that SQLite, which keeps no statistics, starts from what is due: by the index of
# backends it would read all sweeps that ever were.
_OF_BACKEND = func.coalesce(_C.backend, "") == bindparam("whose")
_MAKE_DUE = update(SWEEPS).where(_C.due_at > clock_at_start(), _OF_BACKEND).values(due_at=clock())
_CLAIM_DUE = (
    select(_C.id)
    .where(_DUE, _FREE, _OF_BACKEND, _C.name.not_in(bindparam("but", expanding=True)))
    .order_by(_C.due_at)
    .limit(bindparam("room"))
    .with_for_update(skip_locked=True)
)
_CLAIM_ANNOUNCED = (
    select(_C.id, _C.name, _C.backend)
    .where(_C.name.in_(bindparam("names", expanding=True)), _C.due_at.is_not(None), _FREE)
    .where(or_(_DUE, _C.backend.not_in(bindparam("polled", expanding=True))))
    .where(_C.backend.not_in(bindparam("elsewhere", expanding=True)))
    .order_by(_C.due_at)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(SWEEPS)
    .where(_C.id.in_(bindparam("ids", expanding=True)))
    .values(
        token=_C.token + 1,
        lease_owner=bindparam("owner"),
        lease_until=clock() + bindparam("lease"),
    )
    .returning(*SWEEPS.c)
)


def make_due(db: Database, backend: BackendName) -> None:
    """Have all live sweeps of a backend looked at as soon as somebody can."""
    with db.write() as session:
        session.execute(_MAKE_DUE, {"whose": backend})


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
        wanted = {"whose": backend, "but": list(but), "room": limit}
        rows = session.execute(_CLAIM_DUE, wanted).all()
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
        wanted = {"names": sorted(names), "polled": list(polled), "elsewhere": list(elsewhere)}
        rows = session.execute(_CLAIM_ANNOUNCED, wanted).all()
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


def _take(session: Session, ids: Sequence[int], owner: str, lease: float) -> list[Claim]:
    if not ids:
        return []
    rows = session.execute(_TAKE, {"ids": list(ids), "owner": owner, "lease": lease}).all()
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
