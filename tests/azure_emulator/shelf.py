"""What the emulated workspace remembers; it survives the emulator's restart."""

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

Entity = dict[str, Any]


class Shelf:
    """JSON objects by kind and key, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS entity"
            " (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
        )

    def put(self, kind: str, key: str, body: Entity) -> Entity:
        """Write an object, new or not."""
        with self._lock:
            self._db.execute(
                "INSERT INTO entity VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
                [kind, key, json.dumps(body)],
            )
        return body

    def get(self, kind: str, key: str) -> Entity | None:
        """Read an object."""
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM entity WHERE kind = ? AND key = ?", [kind, key]
            ).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str, prefix: str = "") -> dict[str, Entity]:
        """Every object of a kind whose key begins so, in the order of writing."""
        with self._lock:
            rows = self._db.execute(
                "SELECT key, body FROM entity WHERE kind = ? ORDER BY rowid", [kind]
            ).fetchall()
        return {key: json.loads(body) for key, body in rows if key.startswith(prefix)}

    def remove(self, kind: str, key: str) -> None:
        """Forget an object."""
        with self._lock:
            self._db.execute("DELETE FROM entity WHERE kind = ? AND key = ?", [kind, key])

    def close(self) -> None:
        """Close the file."""
        self._db.close()
