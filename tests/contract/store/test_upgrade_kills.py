"""An upgrade that is killed leaves the tables of before or those of after."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from app.store.database import migrate, migrate_to, schema_is_current
from tests.contract.store.earlier_rows import fill, tables_at
from tests.contract.store.test_upgrades import ROOT, connected

KILLS = 12
EVENTS = {"sqlite": 1_000_000, "postgresql": 250_000}
"""Rows that make the upgrade take longer than the process takes to start."""
BEFORE = "0007"
"""The revision whose upgrade writes to every row of some tables."""


def _filled(url: str) -> None:
    migrate_to(url, BEFORE)
    with connected(url) as connection:
        tables = tables_at(connection)
        fill(connection, tables)
        wanted = EVENTS[connection.dialect.name]
        copied = (
            "INSERT INTO events (type, sweep, trial, data, at) SELECT type, sweep, trial, data, at"
        )
        while (count := _events(connection)) < wanted:
            limit = min(count, wanted - count)
            connection.execute(text(f"{copied} FROM events WHERE sweep = 'sweep-1' LIMIT {limit}"))


def _events(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM events")).scalar_one())


class State(NamedTuple):
    """The revision and what there is; alike for tables that are alike."""

    revision: str
    columns: str
    events: int
    of_projects: int | None


def _state(url: str) -> State:
    with connected(url) as connection:
        tables = tables_at(connection)
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        columns = json.dumps(
            {name: sorted(table.c.keys()) for name, table in tables.items()}, sort_keys=True
        )
        count = _events(connection)
        filled = None
        if "project" in tables["events"].c:
            filled = connection.execute(text("SELECT count(project) FROM events")).scalar_one()
        return State(revision, columns, count, filled)


def _copies(bare_url: str, folder: Path, server: Callable[[], str]) -> Callable[[int], str]:
    """A function that makes a copy of the filled database; its address."""
    parsed = make_url(bare_url)
    if parsed.drivername == "sqlite":
        source = Path(str(parsed.database))
        with connected(bare_url) as connection:
            connection.execute(text("SELECT 1"))

        def copy_file(number: int) -> str:
            target = folder / f"copy-{number}.db"
            shutil.copyfile(source, target)
            return f"sqlite:///{target}"

        return copy_file

    def copy_database(number: int) -> str:
        name = f"{parsed.database}_copy_{number}"
        admin = make_url(server()).set(drivername="postgresql+psycopg")
        engine = create_engine(admin, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {parsed.database}"))
        engine.dispose()
        return parsed.set(database=name).render_as_string(hide_password=False)

    return copy_database


def _begun(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", "migrate"],
        cwd=ROOT,
        env={**os.environ, "SWEEPFRONT_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_a_killed_upgrade_is_all_or_nothing(
    bare_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Killed at drawn moments between its start and its end; the next upgrade always succeeds."""
    _filled(bare_url)
    if bare_url.startswith("sqlite"):
        with connected(bare_url) as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = _copies(bare_url, tmp_path, lambda: str(request.getfixturevalue("postgres")))
    old = _state(bare_url)
    whole = copy(0)
    # The shorter of two: a machine that is busy during one would have the kills come too late.
    took = min(_seconds(whole), _seconds(copy(KILLS + 1)))
    new = _state(whole)
    assert old.revision != new.revision
    assert new.of_projects == new.events - 2, "the events of sweep-1 have its project"
    # With nothing to do: what the process takes to start and to end.
    idle = min(_seconds(whole) for _ in range(2))
    assert took > 1.3 * idle, "the upgrade is too short to be struck"

    draw = random.Random(7)  # noqa: S311 - the same moments each time
    left_old = 0
    for number in range(KILLS):
        url = copy(number + 1)
        process = _begun(url)
        time.sleep(0.8 * idle + (took - 0.7 * idle) * (number + draw.random()) / KILLS)
        process.kill()
        process.wait(30)
        found = _state(url)
        assert found in {old, new}, f"kill {number} of {KILLS}"
        left_old += found == old
        migrate(url)
        assert _state(url) == new
        assert schema_is_current(url)
        _check_whole(url)
    assert left_old >= KILLS // 3


def _seconds(url: str) -> float:
    start = time.monotonic()
    assert _begun(url).wait(120) == 0
    return time.monotonic() - start


def _check_whole(url: str) -> None:
    if url.startswith("sqlite"):
        with connected(url) as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
