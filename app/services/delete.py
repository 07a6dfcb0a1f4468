"""Deleting a sweep: archived by default; purged, its records and its backend's copy go too."""

from collections.abc import Mapping
from contextlib import suppress

from app.access.callers import Role
from app.access.permission import hold
from app.backends.base import Backend, UnknownSweepError
from app.store import sweeps
from app.store.database import Database
from app.sweep.document import BackendName
from app.sweep.errors import ConflictError


def delete(
    db: Database, backends: Mapping[BackendName, Backend], name: str, *, purge: bool
) -> None:
    """Archive a finished sweep, or remove it with everything but its registered models.

    Raises:
        NotFoundError: there is none of that name.
        ForbiddenError: the caller is no registrar of its project.
        ConflictError: it has not ended.
        BackendError: the backend could not remove its part; the records stay.
    """
    if not purge:
        sweeps.archive(db, name)
        return
    sweep = sweeps.get(db, name)
    hold(db.actor.caller, Role.REGISTRAR, sweep.project)
    if not sweep.status.finished:
        raise ConflictError(f"The sweep {name!r} is {sweep.status}; cancel it first.")
    # The backend first: a crash in between leaves a sweep that can be purged again.
    backend = backends.get(sweep.backend)
    if backend is not None:
        with suppress(UnknownSweepError):
            backend.purge(name)
    sweeps.purge(db, name)
