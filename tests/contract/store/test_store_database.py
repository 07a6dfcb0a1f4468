import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, make_url

from app.store import models, sweeps
from app.store.database import Database, OutdatedServiceError, migrate, schema_is_current
from app.store.tables import METADATA
from app.sweep.errors import NotFoundError, StoreBusyError
from app.sweep.record import SweepFilter
from tests.contract.store.samples import claim_one, new, version

ROOT = Path(__file__).parents[3]


def raw_engine(url: str) -> Engine:
    """A plain engine on the database."""
    parsed = make_url(url)
    driver = "sqlite" if parsed.drivername == "sqlite" else "postgresql+psycopg"
    return create_engine(parsed.set(drivername=driver))


def test_the_migrations_make_exactly_the_tables(url: str) -> None:
    """Nothing is missing and nothing is left over; running them again changes nothing."""
    migrate(url)
    assert schema_is_current(url)
    engine = raw_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_downgrade_removes_everything(url: str) -> None:
    """The way down works, and the service then sees that the tables are outdated."""
    engine = raw_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "alembic"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    assert not schema_is_current(url)
    migrate(url)
    assert schema_is_current(url)


def test_newer_tables_are_left_alone(url: str) -> None:
    """An older service refuses, in words, what a newer one has upgraded."""
    engine = raw_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    assert not schema_is_current(url)
    with pytest.raises(OutdatedServiceError, match="newer version"):
        migrate(url)


def test_two_processes_may_migrate_at_once(tmp_path: Path) -> None:
    """They take turns, and both succeed."""
    url = f"sqlite:///{tmp_path / 'new' / 'records.db'}"
    code = f"from app.store.database import migrate; migrate({url!r})"
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert schema_is_current(url)


def test_model_versions_are_numbered_without_gaps(db: Database) -> None:
    """Eight threads register 4 trials: versions 1 to 4, each trial once."""
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: models.add(db, version("s", n % 4)), range(16)))
    assert sorted(made.version for made, fresh in results if fresh) == [1, 2, 3, 4]
    assert all(models.find(db, "final_model", "s", made.trial) == made for made, _ in results)
    newest = models.latest(db, "final_model")
    assert newest is not None
    assert newest.version == 4
    assert newest.metrics["other"] == float("inf")


def test_models_are_listed(db: Database) -> None:
    """Each model with its newest version; versions newest first; what is not there is said."""
    for model, number in (("b", 0), ("a", 0), ("b", 1)):
        models.add(db, version("s", number, model))
    first = models.page_models(db, limit=1)
    rest = models.page_models(db, limit=5, cursor=first.next_cursor)
    found = [(m.name, m.versions, m.latest.version) for m in (*first.items, *rest.items)]
    assert found == [("a", 1, 1), ("b", 2, 2)]
    assert [v.version for v in models.page_versions(db, "b", limit=5).items] == [2, 1]
    assert models.get(db, "b", 1).trial == 0
    assert [v.model_name for v in models.of_trial(db, "s", 0)] == ["a", "b"]
    assert models.of_trial(db, "s", 2) == []
    for missing in (0, 3, 2**40):
        with pytest.raises(NotFoundError):
            models.get(db, "b", missing)
    with pytest.raises(NotFoundError):
        models.page_versions(db, "none", limit=5)
    assert models.latest(db, "none") is None


def test_a_locked_sqlite_serves_readers_and_names_its_trouble(tmp_path: Path) -> None:
    """While somebody else writes, reads go on and a write gives up after its time."""
    file = tmp_path / "records.db"
    migrate(f"sqlite:///{file}")
    db = Database(f"sqlite:///{file}", busy_timeout=0.2)
    sweeps.add(db, new("one"))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert len(sweeps.page(db, SweepFilter(), limit=5).items) == 1
    start = time.monotonic()
    with pytest.raises(StoreBusyError, match="locked"):
        sweeps.add(db, new("two"))
    assert time.monotonic() - start < 5
    other.rollback()
    other.close()
    assert sweeps.add(db, new("two"))[1]
    db.close()


def test_a_full_database_names_its_trouble(tmp_path: Path) -> None:
    """What does not fit is refused whole, and what was there stays."""
    file = tmp_path / "records.db"
    migrate(f"sqlite:///{file}")
    db = Database(f"sqlite:///{file}")
    sweeps.add(db, new("one"))
    with db.write() as session:
        pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar_one()
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(StoreBusyError, match="full"))
        for number in range(200):
            sweeps.add(db, new(f"big{number}", description="x" * 9000))
    assert sweeps.get(db, "one").name == "one"
    assert claim_one(db, "one", "x", lease=1) is not None
    db.close()


def test_only_sqlite_files_and_postgresql(tmp_path: Path) -> None:
    """Other databases and one in memory are refused; a missing file is not current."""
    for url in ("mysql://x/y", "sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ValueError, match="SQLite"):
            Database(url)
    assert not schema_is_current(f"sqlite:///{tmp_path / 'none.db'}")
