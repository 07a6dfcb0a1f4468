"""Requests that come twice: the same name or the same idempotency key makes one sweep."""

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from app.store import last_words
from app.store.rights import actor_of
from app.store.tables import IDEMPOTENCY_KEYS, SWEEPS
from app.store.values import sweep_of
from app.sweep.errors import ConflictError, IdempotencyMismatchError
from app.sweep.record import NewSweep, SweepRecord

_C = SWEEPS.c
NAMED = select(SWEEPS).where(_C.name == bindparam("name"))
"""The sweep of a name, whoever may see it."""
_MADE_WITH = (
    select(SWEEPS, IDEMPOTENCY_KEYS.c.document_hash.label("used_with"))
    .join(IDEMPOTENCY_KEYS, IDEMPOTENCY_KEYS.c.sweep_id == _C.id)
    .where(IDEMPOTENCY_KEYS.c.key == bindparam("key"))
)
_INSERT = insert(IDEMPOTENCY_KEYS)


def made_before(session: Session, new: NewSweep) -> SweepRecord | None:
    """The sweep that this request made before.

    Raises:
        ConflictError: its name is taken by another document, or by somebody else's sweep.
        IdempotencyMismatchError: its key was used with another document.
    """
    key = _own_key(session, new)
    if key is not None:
        used = session.execute(_MADE_WITH, {"key": key}).one_or_none()
        if used is not None:
            if used.used_with != new.document_hash:
                raise IdempotencyMismatchError(
                    "This Idempotency-Key was used with another document; use a new key."
                )
            return sweep_of(used)
    row = session.execute(NAMED, {"name": new.document.name}).one_or_none()
    if row is None:
        return None
    if not actor_of(session).caller.sees(row.project):
        raise ConflictError(f"The name {row.name!r} is taken; choose another name.")
    if row.document_hash != new.document_hash:
        raise ConflictError(
            f"The name {row.name!r} belongs to a sweep with another document; choose another name."
        )
    return sweep_of(row)


def remember(session: Session, new: NewSweep, sweep_id: int) -> None:
    """Write down which sweep the request made, if it has a key."""
    key = _own_key(session, new)
    if key is not None:
        row = {"key": key, "sweep_id": sweep_id, "document_hash": new.document_hash}
        last_words.leave(session, _INSERT, row)


def _own_key(session: Session, new: NewSweep) -> str | None:
    """The idempotency key as it is written down: two callers may choose the same one."""
    caller = actor_of(session).caller
    if new.idempotency_key is None or caller.kind in ("local", "service"):
        return new.idempotency_key
    # No key has a space in it.
    return f"{new.idempotency_key} {caller.kind} {caller.name}"
