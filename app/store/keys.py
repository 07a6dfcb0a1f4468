"""Keys that this service signs with: made at first use, the same for all its processes."""

import secrets

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from app.store.database import Database
from app.store.tables import SIGNING_KEYS

_C = SIGNING_KEYS.c
_BYTES = 32


def signing_key(db: Database, name: str) -> str:
    """The key of that name."""
    statement = select(_C.key).where(_C.name == name)
    with db.read() as session:
        found = session.execute(statement).scalar_one_or_none()
    if found is not None:
        return str(found)
    try:
        with db.write() as session:
            made = secrets.token_urlsafe(_BYTES)
            session.execute(insert(SIGNING_KEYS).values(name=name, key=made))
            return made
    except IntegrityError:
        # Somebody else was quicker.
        with db.read() as session:
            return str(session.execute(statement).scalar_one())
