"""Chores of all services: done by one at a time, and by none again before it is time.

Times are the database's own. What is held by a service that was killed is free again when the
lease has run out.
"""

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.store.clocks import clock, unheld
from app.store.database import Database
from app.store.tables import CHORES

_C = CHORES.c


def claim(db: Database, name: str, owner: str, *, lease: float, every: float = 0.0) -> bool:
    """Take a chore on; False: somebody else is at it, or it is not due yet.

    Args:
        db: the database.
        name: of the chore.
        owner: who takes it on.
        lease: seconds until somebody else may, unless it is renewed.
        every: seconds between the end of one time and the next.
    """
    _make_known(db, name)
    # Times beyond what they can be are from before the clock was set back.
    due = or_(
        _C.done_at.is_(None),
        _C.done_at <= clock() - every,
        _C.done_at > clock(),
    )
    with db.write() as session:
        taken = session.execute(
            update(CHORES)
            .where(_C.name == name, due, unheld(_C.lease_until, lease))
            .values(lease_owner=owner, lease_until=clock() + lease)
            .returning(_C.name)
        ).one_or_none()
    return taken is not None


def renew(db: Database, name: str, owner: str, *, lease: float) -> None:
    """Hold on to a chore that takes long."""
    with db.write() as session:
        session.execute(
            update(CHORES)
            .where(_C.name == name, _C.lease_owner == owner)
            .values(lease_until=clock() + lease)
        )


def done(db: Database, name: str, owner: str) -> None:
    """Let go of a chore that was done to its end."""
    with db.write() as session:
        session.execute(
            update(CHORES)
            .where(_C.name == name, _C.lease_owner == owner)
            .values(lease_owner=None, lease_until=None, done_at=clock())
        )


def let_go(db: Database, name: str, owner: str) -> None:
    """Let go of a chore that was not done to its end."""
    with db.write() as session:
        session.execute(
            update(CHORES)
            .where(_C.name == name, _C.lease_owner == owner)
            .values(lease_owner=None, lease_until=None)
        )


def _make_known(db: Database, name: str) -> None:
    known = select(func.count()).where(_C.name == name)
    with db.read() as session:
        if session.execute(known).scalar_one():
            return
    try:
        with db.write() as session:
            session.execute(insert(CHORES).values(name=name))
    except IntegrityError:
        # Somebody else was quicker.
        return
