"""Queries that are asked often: by the index that serves them, though SQLite has no statistics."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event

from app.store import claims, sweeps
from app.store.database import Database, migrate
from app.store.engines import parse_url
from app.store.tables import SWEEPS
from app.sweep.record import SweepFilter
from app.sweep.state import SweepStatus
from tests.contract.store.samples import new

NAMES = "sqlite_autoindex_sweeps_1"


@pytest.mark.parametrize(
    ("wanted", "sort", "index"),
    [
        (SweepFilter(), "-created_at", "ix_sweeps_listed"),
        (SweepFilter(), "created_at", "ix_sweeps_listed"),
        (SweepFilter(), "name", NAMES),
        (SweepFilter(), "-name", NAMES),
        (SweepFilter(status=SweepStatus.SUBMITTING), "-created_at", "ix_sweeps_status"),
        (SweepFilter(experiment_name="test"), "-created_at", "ix_sweeps_experiment_name"),
    ],
)
def test_a_list_reads_no_more_rows_than_it_shows(
    tmp_path: Path, wanted: SweepFilter, sort: str, index: str
) -> None:
    """On the first page and on a later one: by that index, and nothing is sorted."""
    file = tmp_path / "records.db"
    migrate(f"sqlite:///{file}")
    db = Database(f"sqlite:///{file}")
    for name in "abc":
        sweeps.add(db, new(name, experiment_name="test"))
    with _asked() as asked:
        first = sweeps.page(db, wanted, sort=sort, limit=1)
        sweeps.page(db, wanted, sort=sort, limit=1, cursor=first.next_cursor)
    db.close()
    assert len(asked) == 2
    for (step,) in _plans(file, asked):
        assert f"USING INDEX {index}" in step


def test_a_claim_reads_what_is_due_and_not_all_that_ever_was(tmp_path: Path) -> None:
    """Once a second, with the right to write in hand: finished sweeps cost it nothing."""
    file = tmp_path / "records.db"
    migrate(f"sqlite:///{file}")
    db = Database(f"sqlite:///{file}")
    with _asked() as asked:
        claims.claim_due(db, "one", backend="local", limit=5, lease=1, but=["a"])
    db.close()
    ((step,),) = _plans(file, asked)
    assert step.startswith("SEARCH sweeps USING INDEX ix_sweeps_due_at (due_at")


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_claim_on_postgresql_passes_over_what_waits(url: str) -> None:
    """However many sweeps are live: those that are not due yet are not read."""
    db = Database(url)
    sweeps.add(db, new("one"))
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        columns = ", ".join(c.name for c in SWEEPS.c if c.name not in {"id", "name", "due_at"})
        connection.exec_driver_sql(
            f"INSERT INTO sweeps (name, due_at, {columns}) "  # noqa: S608 - constants
            f"SELECT 's' || n, due_at + 1000, {columns} FROM sweeps, generate_series(1, 1000) n"
        )
    with _asked() as asked:
        claims.claim_due(db, "one", backend="local", limit=5, lease=1, but=["a"])
    db.close()
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE sweeps")
        statement, values = asked[0]
        told = connection.exec_driver_sql(f"EXPLAIN ANALYZE {statement}", values)
        plan = "\n".join(told.scalars())
    engine.dispose()
    assert re.search(r"Index Scan using ix_sweeps_due_at .*\n.*Index Cond: .*due_at <=", plan), plan


@contextmanager
def _asked() -> Iterator[list[tuple[str, Any]]]:
    """The statements that read sweeps in the block, with their values."""
    sent: list[tuple[str, Any]] = []

    def keep(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:  # noqa: ANN401 - the driver's own
        if "FROM sweeps" in statement:
            sent.append((statement, values))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


def _plans(file: Path, asked: list[tuple[str, Any]]) -> list[list[str]]:
    """The steps that each takes."""
    found = []
    with sqlite3.connect(file) as connection:
        for statement, values in asked:
            steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            found.append([words for *_, words in steps])
    connection.close()
    return found
