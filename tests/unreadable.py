"""A fault of the service at will: a row of its database that cannot be read."""

import contextlib
import sqlite3
from collections.abc import Iterator

from tests.served import Served


@contextlib.contextmanager
def unreadable_event(service: Served) -> Iterator[str]:
    """A path that the service fails at meanwhile, with 500."""
    path = service.data / "sweepfront.db"
    values = "('sync.error', 'one', '{', '2026-03-01 12:00:00')"
    with contextlib.closing(sqlite3.connect(path)) as db:
        with db:
            db.execute(f"INSERT INTO events (type, sweep, data, at) VALUES {values}")  # noqa: S608 - constants
        try:
            yield "/v1/events"
        finally:
            with db:
                db.execute("DELETE FROM events WHERE data = '{'")
