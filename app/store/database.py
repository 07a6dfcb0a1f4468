"""The database: short transactions for reading and writing, its schema, and its upgrades."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

from alembic.command import downgrade, upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.orm import Session

from app.access.callers import SERVICE, Actor
from app.store import last_words, signals
from app.store.engines import (
    engines,
    is_sqlite,
    parse_url,
    postgres_engine,
    sqlite_engine,
)
from app.store.rights import ACTOR
from app.store.troubles import trouble_named
from app.sweep.errors import SweepfrontError

BUSY_SECONDS = 5.0
MIGRATION_SECONDS = 120.0
"""How long an upgrade waits for the one that another process has begun."""
_MIGRATION_LOCK = 0x5EEF_F407
_SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"


class OutdatedServiceError(SweepfrontError):
    """The database was upgraded by a newer version of this service."""

    code = "outdated-service"


class UnknownRevisionError(SweepfrontError):
    """There is no revision of that name."""

    code = "unknown-revision"


class Database:
    """One database, safe to use from many threads.

    Every transaction raises StoreBusyError when the database is locked, full, read-only or away.
    """

    def __init__(self, url: str, *, busy_timeout: float = BUSY_SECONDS, tidy: bool = True) -> None:
        """Describe the database; it is opened at first use.

        Args:
            url: `sqlite:///FILE` or `postgresql://...`.
            busy_timeout: seconds that a transaction waits for others to end.
            tidy: false: a process beside this one tidies a SQLite file up, which takes some 30 ms
                now and then.
        """
        parsed = parse_url(url)
        self._reader, self._writer = engines(parsed, busy_timeout, tidy=tidy)
        self._listeners: list[Callable[[], None]] = []
        self._actor = SERVICE
        self._listeners_afar: list[Callable[[], None]] = []
        self._trackers: list[Callable[[str | None], None]] = []
        self._neighbours: list[Callable[[], None]] = []
        self._signals = None if is_sqlite(parsed) else signals.Signals(parsed, self._hear)

    def acting(self, actor: Actor) -> "Database":
        """The same database for somebody: they see what is theirs, and what changes they change."""
        other = copy(self)
        other._actor = actor  # noqa: SLF001 - one of ours
        return other

    @property
    def actor(self) -> Actor:
        """For whom its transactions run; the service itself unless `acting` says otherwise."""
        return self._actor

    @contextmanager
    def read(self, *, piecemeal: bool = False) -> Iterator[Session]:
        """A session that only reads.

        PostgreSQL's statements stand for themselves there, as they would see what was committed
        meanwhile anyway: two round trips less.

        Args:
            piecemeal: in a transaction, for results that are fetched piece by piece (`yield_per`).
        """
        engine = self._reader
        if piecemeal and self._signals is not None:
            engine = self._writer.execution_options(postgresql_readonly=True)
        with trouble_named(), Session(engine, info={ACTOR: self._actor}) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that writes: committed at the end, rolled back by an exception.

        On SQLite nobody else writes from its first statement on; on PostgreSQL rows that decide
        what is written must be read FOR UPDATE.
        """
        with trouble_named(), Session(self._writer, info={ACTOR: self._actor}) as session:
            with session.begin():
                yield session
                payloads = [] if self._signals is None else self._signals.payloads(session)
                last_words.say(session, signals.CHANNEL, payloads)
            if signals.EVENTS in signals.noted(session):
                for listener in (*self._listeners, *self._neighbours):
                    listener()

    def listen(self, listener: Callable[[], None], *, afar: bool = False) -> None:
        """Call it after every commit of this process that brought events; it must not block.

        Args:
            listener: what to call, from any thread.
            afar: call it for the commits of other processes, too, while they are heard; of those on
                SQLite only a neighbour is.
        """
        self._listeners.append(listener)
        if afar:
            self._listeners_afar.append(listener)
            if self._signals is not None:
                self._signals.start()

    def listen_due(self, listener: Callable[[str | None], None]) -> None:
        """Call it when another process made a sweep due, with the name of its backend.

        None: sweeps of any backend may have become due. It must not block; on SQLite it is never
        called.
        """
        if self._signals is not None:
            self._trackers.append(listener)
            self._signals.start()

    def tell_neighbour(self, tell: Callable[[], None]) -> None:
        """Call it after every commit that brought events, for the one process beside this one.

        Where the database itself tells the others it is never called.
        """
        if self._signals is None:
            self._neighbours.append(tell)

    def hear_neighbour(self) -> None:
        """The process beside this one has committed events."""
        self._hear(signals.EVENTS)

    @property
    def hears_others(self) -> bool:
        """True while the commits of other processes are told; False on SQLite."""
        return self._signals is not None and self._signals.connected

    def ping(self) -> None:
        """Ask the database for a sign of life."""
        with self.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every connection that is not in use."""
        if self._signals is not None:
            self._signals.close()
        self._reader.dispose()
        self._writer.dispose()

    def _hear(self, kind: str | None) -> None:
        """Another process committed something of that kind; None: nobody knows what."""
        if kind in (signals.EVENTS, None):
            for listener in self._listeners_afar:
                listener()
        backend = None if kind is None else signals.due_backend(kind)
        if kind is None or backend is not None:
            for tracker in self._trackers:
                tracker(backend)


def migrate(url: str) -> None:
    """Create the tables or upgrade them, all or nothing; processes that do so at once take turns.

    Raises:
        OutdatedServiceError: the tables are newer than this service.
        StoreBusyError: the database cannot be written.
    """
    with exclusive(_with_folder(url)) as connection:
        _upgrade(connection)


def migrate_to(url: str, revision: str) -> str | None:
    """Bring the tables to a revision, up or down, all or nothing.

    On the way down what only later revisions can hold is lost.

    Args:
        url: the database's.
        revision: such as 0008, or `head`.

    Returns:
        The revision before; None: there were no tables.

    Raises:
        UnknownRevisionError: this version knows no such revision.
        OutdatedServiceError: the tables are newer than this service.
        StoreBusyError: the database cannot be written.
    """
    wanted = _position(revision)
    with exclusive(_with_folder(url)) as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        if before is None or before == revision or wanted >= _position(before, found=True):
            _upgrade(connection, revision)
        else:
            downgrade(_config(connection), revision)
    return before


def schema_is_current(url: str) -> bool:
    """True when the tables are those that this service needs."""
    parsed = parse_url(url)
    if is_sqlite(parsed) and not Path(parsed.database or "").exists():
        return False
    reader, writer = engines(parsed, BUSY_SECONDS)
    try:
        with trouble_named(), reader.connect() as connection:
            found = MigrationContext.configure(connection).get_current_heads()
    finally:
        reader.dispose()
        writer.dispose()
    return set(found) == set(ScriptDirectory.from_config(_config()).get_heads())


def knows_revision(revision: str) -> bool:
    """Whether tables of that revision are this service's own or earlier ones."""
    try:
        return ScriptDirectory.from_config(_config()).get_revision(revision) is not None
    except CommandError:
        return False


@contextmanager
def exclusive(url: URL) -> Iterator[Connection]:
    """A transaction that no other upgrade runs beside."""
    engine = _migration_engine(url)
    try:
        with trouble_named(), engine.begin() as connection:
            if not is_sqlite(url):
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            yield connection
    finally:
        engine.dispose()


def _migration_engine(url: URL) -> Engine:
    if is_sqlite(url):
        # Altering a table of SQLite means dropping it, which foreign keys would forbid.
        return sqlite_engine(url, MIGRATION_SECONDS, foreign_keys=False)
    return postgres_engine(url, MIGRATION_SECONDS)


def _with_folder(url: str) -> URL:
    parsed = parse_url(url)
    if is_sqlite(parsed) and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return parsed


def _position(revision: str, *, found: bool = False) -> int:
    """The place of a revision in the order of all; `found`: it is the database's."""
    scripts = ScriptDirectory.from_config(_config())
    names = [script.revision for script in scripts.walk_revisions()][::-1]
    if revision == "head":
        return len(names) - 1
    if revision in names:
        return names.index(revision)
    if found:
        raise OutdatedServiceError(
            "The database was upgraded by a newer version of this service: it is at revision "
            f"{revision}, which is not known here; use that version for the way back."
        )
    raise UnknownRevisionError(
        f"There is no revision {revision!r}; these are known: {', '.join(names)}."
    )


def _upgrade(connection: Connection, revision: str = "head") -> None:
    try:
        upgrade(_config(connection), revision)
    except CommandError as error:
        raise OutdatedServiceError(
            f"The database was upgraded by a newer version of this service: {error}."
        ) from error


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
