"""Connections: how each database is opened, what its clock says, and what its trouble means."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from sqlalchemy import Engine, Float, create_engine, event, make_url
from sqlalchemy.engine import URL, Connection, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.sweep.errors import DiskFullError, ReadOnlyError, StoreBusyError

_READERS = 40
"""As many requests as the web framework's thread pool serves at once."""
_POSTGRES_CONNECTIONS = 20
_TRY_AGAIN_SECONDS = 0.001
"""SQLite itself would come to wait for 0.1 s, while the other process's threads take turns."""
LISTENER = "sweepfront signals"
"""How the server's list of connections names the one that listens."""
_WRITING = "BEGIN IMMEDIATE"
_LIVELY = {
    "application_name": LISTENER,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""libpq's words for a connection that is dead within 20 s of its server's silence."""


class clock(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """Seconds since 1970 by the database's own clock, the one that all services share."""

    type = Float()
    inherit_cache = True


@compiles(clock, "sqlite")
def _sqlite_clock(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(clock, "postgresql")
def _postgres_clock(*_: object, **__: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


class epoch(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """Seconds since 1970 of a column of times, to the millisecond; a datetime of each would cost more."""

    type = Float()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _sqlite_epoch(element: epoch, compiler: SQLCompiler, **_: object) -> str:
    return f"((julianday({compiler.process(element.clauses)}) - 2440587.5) * 86400.0)"


@compiles(epoch, "postgresql")
def _postgres_epoch(element: epoch, compiler: SQLCompiler, **_: object) -> str:
    return f"CAST(EXTRACT(EPOCH FROM {compiler.process(element.clauses)}) AS DOUBLE PRECISION)"


def parse_url(url: str) -> URL:
    """The database's address, with our driver where none is named.

    Raises:
        ValueError: neither a SQLite file nor PostgreSQL.
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ValueError(f"the database must be SQLite or PostgreSQL, not {parsed.drivername}")
    if is_sqlite(parsed) and parsed.database in {None, "", ":memory:"}:
        raise ValueError("SQLite needs a file: its records must outlive the process")
    return parsed


def is_sqlite(url: URL) -> bool:
    """True for an embedded database."""
    return url.get_backend_name() == "sqlite"


def engines(url: URL, busy_timeout: float, *, tidy: bool = True) -> tuple[Engine, Engine]:
    """Engines for reading and for writing.

    SQLite gets one connection for writing: threads that wait in line for it are served in turn,
    while those that wait for SQLite's lock poll and starve.

    Args:
        url: of the database.
        busy_timeout: seconds that bound every wait.
        tidy: SQLite's write-ahead log is carried over into the file; else another process does.
    """
    if not is_sqlite(url):
        engine = postgres_engine(url, busy_timeout)
        return engine.execution_options(postgresql_readonly=True), engine
    reader = sqlite_engine(url, busy_timeout, connections=_READERS, begin="BEGIN")
    event.listen(reader, "connect", lambda connection, _: connection.execute("PRAGMA query_only=1"))
    writer = sqlite_engine(url, busy_timeout)
    if not tidy:
        event.listen(
            writer,
            "connect",
            lambda connection, _: connection.execute("PRAGMA wal_autocheckpoint=0"),
        )
    return reader, writer


def sqlite_engine(
    url: URL,
    busy_timeout: float,
    *,
    connections: int = 1,
    begin: str = _WRITING,
    foreign_keys: bool = True,
) -> Engine:
    """Connections to a SQLite file.

    The driver's own transactions begin at the first write, after the reads that it rests on, and
    lose updates silently: `begin` is sent at the start instead. With a write-ahead log and
    synchronous=NORMAL a killed process loses nothing; a power cut may take the last transactions,
    never the database's wholeness.
    """
    engine = create_engine(
        url,
        connect_args={"isolation_level": None, "timeout": busy_timeout},
        pool_size=connections,
        max_overflow=0,
        pool_timeout=busy_timeout,
        json_serializer=_json,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA foreign_keys={int(foreign_keys)}")
        if begin == _WRITING:
            connection.execute("PRAGMA busy_timeout=0")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if begin == _WRITING:
            _await_turn(connection, busy_timeout)
        else:
            connection.exec_driver_sql(begin)

    @event.listens_for(engine, "handle_error")
    def _reopen(context: ExceptionContext) -> None:
        if _primary_code(context.original_exception) in _REOPENED:
            context.is_disconnect = True

    return engine


def _await_turn(connection: Connection, seconds: float) -> None:
    """Begin to write as soon as no other process does."""
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            driver.execute(_WRITING)
        except sqlite3.Error as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY:
                break
            time.sleep(_TRY_AGAIN_SECONDS)
        else:
            return
    connection.exec_driver_sql(_WRITING)


def postgres_engine(url: URL, busy_timeout: float) -> Engine:
    """Connections to a PostgreSQL server.

    A process that is stopped in the middle of a transaction would hold its locks for ever, and all
    others up: the server ends such a transaction after twice `busy_timeout`.
    """
    milliseconds = max(1, round(busy_timeout * 1000))
    options = [
        url.query.get("options", ""),
        f"-c lock_timeout={milliseconds}",
        f"-c idle_in_transaction_session_timeout={2 * milliseconds}",
        "-c timezone=utc",
    ]
    return create_engine(
        url.difference_update_query(["options"]),
        connect_args={"options": " ".join(str(option) for option in options)},
        pool_size=_POSTGRES_CONNECTIONS,
        max_overflow=0,
        pool_timeout=busy_timeout,
        pool_pre_ping=True,
        json_serializer=_json,
    )


def listening_engine(url: URL) -> Engine:
    """A connection to a PostgreSQL server outside of transactions, closed when it is let go."""
    return create_engine(
        url, connect_args=dict(_LIVELY), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )


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
_REOPENED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
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
        return _SQLITE_TROUBLE.get(_primary_code(error))
    state = getattr(error, "sqlstate", None)
    if state is None:
        # psycopg has no code for a connection that failed or broke off.
        lost = type(error).__name__ == "OperationalError"
        return _POSTGRES_TROUBLE["08"] if lost else None
    known = (trouble for prefix, trouble in _POSTGRES_TROUBLE.items() if state.startswith(prefix))
    return next(known, None)


def _primary_code(error: BaseException) -> int:
    """SQLite's code without what it adds to say where; 0: none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
