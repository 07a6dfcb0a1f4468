"""What a transaction writes last: rows that it does not read, numbered events, and its signals.

All of it goes to PostgreSQL in one round trip, together with the commit. PostgreSQL numbers rows as
they are inserted: a reader could see event 8 before event 7 is committed, and would never ask for 7
again. So transactions that number rows hold each other back from there to their end, which comes at
once after a single statement.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Delete, Insert, Update, insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.store.tables import EVENTS

if TYPE_CHECKING:
    import psycopg

_EVENTS = "last words"
_STATEMENTS = "last statements"
_INSERT = insert(EVENTS)
_Statement = Insert | Update | Delete
_Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]
_LOCK = 0x5EEF_E7E7
_IN_ORDER = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_SIGNALS = "SELECT pg_notify(%(channel)s, payload) FROM unnest(%(payloads)s::text[]) AS payload"
_WITH_EVENTS = """
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(%(lock)s)),
told AS (
    INSERT INTO events (type, sweep, project, trial, data, at)
    SELECT type, sweep, project, trial, data, clock_timestamp()
    FROM turn, json_to_recordset(%(events)s::json) AS
    event(place int, type text, sweep text, project text, trial int, data json)
    ORDER BY place
)
SELECT pg_notify(%(channel)s, payload) FROM unnest(%(payloads)s::text[]) AS payload
"""


def leave(session: Session, statement: _Statement, values: _Values) -> None:
    """Have a statement executed when the transaction ends; what was left first comes first.

    Args:
        session: of the transaction, which reads nothing of what this changes.
        statement: whose result nobody asks for; an insert returns no key.
        values: its parameters, or those of each row.
    """
    if isinstance(statement, Insert):
        statement = statement.inline()
    session.info.setdefault(_STATEMENTS, []).append((statement, values))


def put(session: Session, events: Sequence[Mapping[str, object]]) -> None:
    """Have rows of events written when the transaction ends, in this order; all but their times."""
    session.info.setdefault(_EVENTS, []).extend(events)


def say(session: Session, channel: str, payloads: Sequence[str]) -> None:
    """Write all of it down; nothing but the commit may follow, which may have been made then.

    Args:
        session: of the transaction.
        channel: of the signals.
        payloads: the signals; PostgreSQL's only.
    """
    events: list[dict[str, Any]] = session.info.pop(_EVENTS, [])
    left: list[tuple[_Statement, _Values]] = session.info.pop(_STATEMENTS, [])
    if session.get_bind().dialect.name == "postgresql":
        if events or payloads or left:
            words: dict[str, object] = {"channel": channel, "payloads": list(payloads)}
            _say_and_commit(session, left, events, words)
        return
    for statement, values in left:
        session.execute(statement, values)
    if events:
        now = datetime.now(UTC)
        session.execute(_INSERT, [{**event, "at": now} for event in events])


def _say_and_commit(
    session: Session,
    left: Sequence[tuple[_Statement, _Values]],
    events: Sequence[Mapping[str, object]],
    words: dict[str, object],
) -> None:
    """Send all at once: while this process came to the commit, all others would wait."""
    statement = _SIGNALS
    if events:
        statement = _WITH_EVENTS
        rows = [{"place": place, **event} for place, event in enumerate(events)]
        words |= {"lock": _LOCK, "events": json.dumps(rows, allow_nan=False)}
    connection = session.connection()
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    error_class = connection.dialect.loaded_dbapi.Error
    try:
        with driver.pipeline():
            for each, values in left:
                session.execute(each, values)
            if events or words["payloads"]:
                driver.execute(statement, words)
            driver.execute("COMMIT")
    except error_class as error:
        if driver.closed:
            connection.invalidate()
        raise DBAPIError.instance(statement, None, error, error_class) from error


def in_commit_order(session: Session) -> None:
    """Hold back the other transactions that number rows, until this one has ended.

    Whoever holds this waits for no row.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_IN_ORDER)
