"""Tables of every earlier revision, with rows in them, are upgraded; older services go on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from app.store import deliveries, events, models, sweeps, trials, views, webhooks
from app.store.database import (
    Database,
    OutdatedServiceError,
    UnknownRevisionError,
    migrate,
    migrate_to,
    schema_is_current,
)
from app.sweep.record import SweepFilter
from tests.contract.store.earlier_rows import content, fill, tables_at
from tests.contract.store.samples import new
from tests.contract.store.test_store_database import raw_engine

ROOT = Path(__file__).parents[3]


def _revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.set_main_option("path_separator", "os")
    found = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in found][::-1]


REVISIONS = _revisions()
BEFORE_HEAD, HEAD = REVISIONS[-2:]
EARLIER = [
    pytest.param(
        revision, marks=[] if revision in {REVISIONS[0], BEFORE_HEAD} else [pytest.mark.slow]
    )
    for revision in REVISIONS[:-1]
]


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A transaction of somebody who knows nothing of this version."""
    engine = raw_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.mark.parametrize("revision", EARLIER)
def test_nothing_is_lost_on_the_way_up(bare_url: str, revision: str) -> None:
    """All rows of that revision are there afterwards, unchanged, and read by today's functions."""
    migrate_to(bare_url, revision)
    with connected(bare_url) as connection:
        tables = tables_at(connection)
        fill(connection, tables)
        before = content(connection, tables)
    migrate(bare_url)
    assert schema_is_current(bare_url)
    with connected(bare_url) as connection:
        assert content(connection, tables) == before
    assert all(before.values()), "a table without rows shows nothing"
    _read_with_todays_functions(bare_url, webhooks_too="webhooks" in tables)
    _projects_are_filled(bare_url)


def _read_with_todays_functions(url: str, *, webhooks_too: bool) -> None:
    db = Database(url)
    listed = sweeps.page(db, SweepFilter(), limit=10).items
    assert {sweep.name for sweep in listed} == {"sweep-1", "sweep-2"}
    kept = sweeps.get(db, "sweep-3")
    assert kept.archived
    assert kept.status_reason == "as asked — ünïcode"
    assert kept.resumes == 0
    found = trials.page(db, "sweep-1", limit=10).items
    assert [trial.parameters["kind"] for trial in found] == ["a", "a"]
    reports = trials.metrics(db, "sweep-1", 0, limit=10).items
    assert [report.step - 2**40 for report in reports] == [0, 1, 2, 3]
    assert trials.decisions(db, "sweep-1", 1, limit=10).items[0].threshold == 2.5
    told = events.page(db, limit=10)
    assert [event.type for event in told][:2] == ["sweep.status", "trial.status"]
    assert views.outcomes(db, "sweep-1").newest == told[1].id
    assert models.get(db, "final_model", 1).tags == {"stage": "trial"}
    if webhooks_too:
        assert webhooks.get(db, 1).event_types == ["sweep.status"]
        assert deliveries.get(db, 1, 1).response_body == "later"
    # Numbers go on after those that were there.
    sweeps.add(db, new("fresh"))
    assert events.newest(db, "fresh") > told[-1].id
    db.close()


def _projects_are_filled(url: str) -> None:
    """Sweeps have the project of their tag, and so has what is about them."""
    with connected(url) as connection:
        tables = tables_at(connection)
        for name, key in (("sweeps", "name"), ("events", "sweep"), ("model_versions", "sweep")):
            table = tables[name]
            rows = connection.execute(select(table.c[key], table.c.project)).all()
            assert {row.project for row in rows if row[0] == "sweep-1"} == {"alpha"}, name
            assert {row.project for row in rows if row[0] != "sweep-1"} == {None}, name


@pytest.mark.parametrize("revision", EARLIER)
def test_an_older_service_goes_on_after_the_upgrade(bare_url: str, revision: str) -> None:
    """Statements with the columns of a revision work on the tables of the next one.

    So does what today's functions make of rows that were written like that.
    """
    following = REVISIONS[REVISIONS.index(revision) + 1]
    migrate_to(bare_url, revision)
    with connected(bare_url) as connection:
        older = tables_at(connection)
    migrate_to(bare_url, following)
    with connected(bare_url) as connection:
        fill(connection, older)
        fill(connection, older, start=4)
        before = content(connection, older)
        assert len(before["sweeps"]) == 6
        _change_and_remove(connection, older)
    migrate(bare_url)
    db = Database(bare_url)
    assert [sweep.name for sweep in sweeps.page(db, SweepFilter(), limit=9, sort="name").items] == [
        "sweep-1",
        "sweep-2",
        "sweep-5",
    ]
    assert sweeps.get(db, "sweep-1").status_reason == "changed"
    assert len(trials.page(db, "sweep-5", limit=10).items) == 2
    assert [model.version for model in models.page_versions(db, "final_model", limit=9).items] == [
        5,
        4,
        2,
        1,
    ]
    db.close()


def _change_and_remove(connection: Connection, older: dict[str, Table]) -> None:
    table = older["sweeps"]
    connection.execute(update(table).where(table.c.id == 1).values(status_reason="changed"))
    for name in ("trials", "metrics", "decisions", "sweep_tags", "idempotency_keys"):
        connection.execute(delete(older[name]).where(older[name].c.sweep_id == 4))
    connection.execute(delete(table).where(table.c.id == 4))


def _shape(connection: Connection) -> object:
    """What makes the tables: SQLite's own words; columns, keys and indexes on PostgreSQL."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        ).all()
        return {row.name: re.sub(r"\s+", "", row.sql) for row in rows}
    columns = connection.execute(
        text(
            "SELECT table_name, column_name, data_type, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public'"
        )
    ).all()
    indexes = connection.execute(
        text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    ).all()
    functions = connection.execute(
        text(
            "SELECT proname, tgname FROM pg_proc FULL JOIN pg_trigger ON tgfoid = pg_proc.oid "
            "WHERE pronamespace = 'public'::regnamespace"
        )
    ).all()
    return {tuple(row) for row in (*columns, *indexes, *functions)}


@pytest.mark.parametrize(
    "revision", [pytest.param(REVISIONS[-3], marks=pytest.mark.slow), BEFORE_HEAD]
)
def test_the_way_down_and_up_again(bare_url: str, revision: str) -> None:
    """The tables are exactly those of the revision; its columns keep their values both ways."""
    migrate_to(bare_url, revision)
    with connected(bare_url) as connection:
        older = tables_at(connection)
        shape = _shape(connection)
    migrate(bare_url)
    with connected(bare_url) as connection:
        newest = tables_at(connection)
        fill(connection, newest)
        before = content(connection, older)
    assert migrate_to(bare_url, revision) == HEAD
    assert not schema_is_current(bare_url)
    with connected(bare_url) as connection:
        assert _shape(connection) == shape
        assert content(connection, older) == before
        # What an older service writes from then on.
        fill(connection, older, start=4)
        after = content(connection, older)
    assert migrate_to(bare_url, "head") == revision
    assert schema_is_current(bare_url)
    with connected(bare_url) as connection:
        assert content(connection, older) == after
        assert set(tables_at(connection)) == set(newest)


def test_ids_of_removed_rows_stay_used(bare_url: str) -> None:
    """Neither way gives out the number of an event that was removed."""
    migrate(bare_url)
    db = Database(bare_url)
    sweeps.add(db, new("one"))
    last = events.newest(db)
    with connected(bare_url) as connection:
        connection.execute(text("DELETE FROM events"))
    migrate_to(bare_url, REVISIONS[-3])
    migrate(bare_url)
    sweeps.add(db, new("two"))
    assert events.newest(db) > last
    db.close()


def test_the_audit_log_only_grows_after_each_way(bare_url: str) -> None:
    """Its rows cannot be changed or removed, whichever way the tables came about."""
    migrate(bare_url)
    migrate_to(bare_url, BEFORE_HEAD)
    migrate(bare_url)
    with connected(bare_url) as connection:
        fill(connection, {"audit": tables_at(connection)["audit"]})
    for statement in ("UPDATE audit SET actor = 'bob'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="only grows"), connected(bare_url) as connection:
            connection.execute(text(statement))


def test_revisions_that_are_not_known(bare_url: str) -> None:
    """A wrong name is told with those that there are; tables of a newer version are left alone."""
    with pytest.raises(UnknownRevisionError, match=f"'8'.*0001.*{HEAD}"):
        migrate_to(bare_url, "8")
    migrate(bare_url)
    with connected(bare_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for revision in (BEFORE_HEAD, "head"):
        with pytest.raises(OutdatedServiceError, match="9999"):
            migrate_to(bare_url, revision)
