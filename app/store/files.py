"""Databases as files and as versions: copied while they are in use, and what their tables are."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alembic.migration import MigrationContext
from sqlalchemy import select

from app.store.database import BUSY_SECONDS, Database
from app.store.engines import engines, is_sqlite, parse_url
from app.store.tables import SWEEPS
from app.store.troubles import trouble_named
from app.sweep.errors import StoreBusyError

_BUSY_SECONDS = 30.0


def file_of(url: str) -> Path | None:
    """Where a SQLite database lies; None for a database elsewhere."""
    parsed = parse_url(url)
    return Path(parsed.database or "").absolute() if is_sqlite(parsed) else None


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as it stands at one moment; others may read and write meanwhile.

    Raises:
        StoreBusyError: it could not be read or the copy not be written.
    """
    try:
        with (
            closing(
                sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS)
            ) as there,
            closing(sqlite3.connect(target)) as copy,
        ):
            # All pages in one step: in several, each write of others begins the copy anew.
            there.backup(copy, pages=-1)
    except sqlite3.Error as error:
        raise StoreBusyError(f"{source} could not be copied: {error}; try again") from error


def revision(url: str) -> str:
    """The version of a database's tables; empty: it has none of ours.

    Raises:
        StoreBusyError: it cannot be read.
    """
    reader, writer = engines(parse_url(url), BUSY_SECONDS)
    try:
        with trouble_named(), reader.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        reader.dispose()
        writer.dispose()


@dataclass(frozen=True, slots=True)
class LookedAt:
    """How far a database knows a local sweep.

    Attributes:
        finished: nothing more of it is expected.
        cursor: where the last look ended; see `app.backends.base.Backend.observe`.
    """

    finished: bool
    cursor: str | None


def local_sweeps(url: str) -> dict[str, LookedAt]:
    """Every sweep of the local engine by its name.

    Raises:
        StoreBusyError: the database cannot be read.
    """
    columns = SWEEPS.c
    wanted = select(columns.name, columns.due_at, columns.cursor).where(columns.backend == "local")
    db = Database(url)
    try:
        with db.read() as session:
            rows = session.execute(wanted).all()
    finally:
        db.close()
    return {name: LookedAt(due_at is None, cursor) for name, due_at, cursor in rows}
