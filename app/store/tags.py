"""Tags of sweeps, as digests, by which they are found."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, insert
from sqlalchemy.orm import Session

from app.store import last_words
from app.store.tables import SWEEP_TAGS, SWEEPS

_INSERT = insert(SWEEP_TAGS)


def tagged(key: str, value: str) -> ColumnElement[bool]:
    """True of the sweeps that have the tag."""
    return exists().where(
        SWEEP_TAGS.c.sweep_id == SWEEPS.c.id, SWEEP_TAGS.c.digest == _digest(key, value)
    )


def insert_tags(session: Session, sweep_id: int, tags: Sequence[tuple[str, str]]) -> None:
    """Write the tags of a sweep down, as keys and values."""
    rows = [{"digest": _digest(key, value), "sweep_id": sweep_id} for key, value in tags]
    if rows:
        last_words.leave(session, _INSERT, rows)


def _digest(key: str, value: str) -> str:
    text = f"{key}\0{value}".encode(errors="replace")
    return hashlib.sha256(text).hexdigest()
