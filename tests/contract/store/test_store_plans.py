"""The lists of sweeps on SQLite, which has no statistics: by the index that serves them."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.store import sweeps
from app.store.database import Database, migrate
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
    sent: list[tuple[str, Any]] = []

    def keep(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:  # noqa: ANN401 - the driver's own
        sent.append((statement, values))

    event.listen(Engine, "before_cursor_execute", keep)
    first = sweeps.page(db, wanted, sort=sort, limit=1)
    sweeps.page(db, wanted, sort=sort, limit=1, cursor=first.next_cursor)
    event.remove(Engine, "before_cursor_execute", keep)
    db.close()
    asked = [(statement, values) for statement, values in sent if "FROM sweeps" in statement]
    assert len(asked) == 2
    with sqlite3.connect(file) as connection:
        for statement, values in asked:
            (step,) = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            assert f"USING INDEX {index}" in step[3]
    connection.close()
