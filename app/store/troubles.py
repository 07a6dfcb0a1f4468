"""What the databases' errors mean to those who ask: locked, full, read-only, away."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.sweep.errors import DiskFullError, ReadOnlyError, StoreBusyError


@contextmanager
def trouble_named() -> Iterator[None]:
    """Turn a database that cannot serve now into StoreBusyError; faults of ours pass unchanged."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreBusyError("The database is busy; try again shortly.") from error
    except DBAPIError as error:
        trouble = _trouble(error.orig)
        if trouble is None:
            raise
        kind, words = trouble
        raise kind(words) from error


_Trouble = tuple[type[StoreBusyError], str]


def _soon(words: str) -> _Trouble:
    return StoreBusyError, f"The database {words}; try again shortly."


_FULL = (
    DiskFullError,
    (
        "The database or its disk is full; nothing was stored. Free some space and try again; nothing "
        "needs to be started again."
    ),
)
_READ_ONLY = (
    ReadOnlyError,
    (
        "The database is read-only; nothing was stored. Let the service write to it and try again; "
        "nothing needs to be started again."
    ),
)
_SQLITE_TROUBLE: dict[int, _Trouble] = {
    sqlite3.SQLITE_BUSY: _soon("is locked by another writer"),
    sqlite3.SQLITE_LOCKED: _soon("is locked by another writer"),
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _soon("cannot be read or written"),
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CANTOPEN: _soon("cannot be opened"),
}
REOPENED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""After these a connection is opened anew: one that was opened read-only stays so."""
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_TROUBLE: dict[str, _Trouble] = {
    "08": _soon("cannot be reached"),
    "25006": _READ_ONLY,
    "25P03": _soon("ended a transaction that had come to a standstill"),
    "40": _soon("was busy with a conflicting change"),
    "53100": _FULL,
    "53": _soon("is short of room or connections"),
    "55P03": _soon("is locked by another writer"),
    "57P": _soon("is shutting down or starting"),
}


def _trouble(error: BaseException | None) -> _Trouble | None:
    if isinstance(error, sqlite3.Error):
        return _SQLITE_TROUBLE.get(primary_code(error))
    state = getattr(error, "sqlstate", None)
    if state is None:
        # psycopg has no code for a connection that failed or broke off.
        lost = type(error).__name__ == "OperationalError"
        return _POSTGRES_TROUBLE["08"] if lost else None
    known = (trouble for prefix, trouble in _POSTGRES_TROUBLE.items() if state.startswith(prefix))
    return next(known, None)


def primary_code(error: BaseException) -> int:
    """SQLite's code without what it adds to say where; 0: none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
