"""Connections: how each database is opened, and what its trouble means."""

import json
import sqlite3
import time
from typing import cast

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, Connection, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from app.store.troubles import REOPENED, primary_code

_READERS = 40
"""As many requests as the web framework's thread pool serves at once."""
_POSTGRES_CONNECTIONS = 20
_IDLE_SECONDS = 1.0
_RETURNED = "returned"
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
        return engine.execution_options(isolation_level="AUTOCOMMIT"), engine
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
        if primary_code(context.original_exception) in REOPENED:
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
            if primary_code(error) != sqlite3.SQLITE_BUSY:
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
    engine = create_engine(
        url.difference_update_query(["options"]),
        connect_args={"options": " ".join(str(option) for option in options)},
        pool_size=_POSTGRES_CONNECTIONS,
        max_overflow=0,
        pool_timeout=busy_timeout,
        json_serializer=_json,
    )

    @event.listens_for(engine, "checkin")
    def _returned(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_RETURNED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _taken(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        """One that was idle may have been cut off; asking at each use would cost as much as a query."""
        now = time.monotonic()
        idle = now - record.info.get(_RETURNED, now)
        if idle > _IDLE_SECONDS and not _answers(engine, connection):
            raise DisconnectionError

    return engine


def _answers(engine: Engine, connection: DBAPIConnection) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False


def listening_engine(url: URL) -> Engine:
    """A connection to a PostgreSQL server outside of transactions, closed when it is let go."""
    return create_engine(
        url, connect_args=dict(_LIVELY), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
