"""When to look next: all that a look without news writes; at once where nobody listened."""

from functools import partial

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from app.store import claims, leases, sweeps
from app.store.database import Database
from app.sweep.state import SweepSnapshot, SweepStatus
from tests.contract.store.samples import NOON, claim_one, new, report, running, trial

SCHEDULE = {"token", "lease_owner", "lease_until", "due_at", "last_synced_at"}
_REFUSE = {
    "sqlite": """
        CREATE TRIGGER refuse BEFORE UPDATE OF {columns} ON sweeps
        BEGIN SELECT RAISE(ABORT, 'more than the schedule'); END
    """,
    "postgresql": """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'more than the schedule'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE OF {columns} ON sweeps
        FOR EACH ROW EXECUTE FUNCTION refuse()
    """,
}


def _refuse_all_but_the_schedule(url: str) -> None:
    """Have the database itself refuse every statement that sets another column of a sweep."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        row = connection.execute(text("SELECT * FROM sweeps")).mappings().one()
        columns = ", ".join(sorted({str(name) for name in row} - SCHEDULE))
        connection.execute(text(_REFUSE[engine.dialect.name].format(columns=columns)))
    engine.dispose()


def test_a_look_without_news_writes_the_schedule_alone(url: str, db: Database) -> None:
    """The cursor, which may be long, stays untouched; a look with news writes it."""
    sweeps.add(db, new("one"))
    shown = {"provider_url": "https://studio", "provider_status": "Running"}
    first = running(trial(0), metrics=[report(0, 1, 2.0)], **shown)
    claim = claim_one(db, "one", "test", lease=60)
    assert claim is not None
    assert leases.apply(db, claim, first, next_look=0)
    before = sweeps.get(db, "one")
    _refuse_all_but_the_schedule(url)
    (claim,) = claims.claim_due(db, "test", backend="local", limit=1, lease=60)
    assert leases.apply(db, claim, running(**shown), next_look=0)
    after = sweeps.get(db, "one")
    assert before.last_synced_at is not None
    assert after.last_synced_at is not None
    assert after.last_synced_at > before.last_synced_at
    assert after.started_at == NOON
    claim = claim_one(db, "one", "test", lease=60)
    assert claim is not None
    with pytest.raises(DBAPIError, match="more than the schedule"):
        leases.apply(db, claim, running(cursor="2", **shown), next_look=0)


def test_all_live_sweeps_of_a_backend_are_due_when_it_was_not_listened_to(db: Database) -> None:
    """Those of other backends and those that have ended are left alone."""
    for name in ("waits", "over"):
        sweeps.add(db, new(name))
        claim = claim_one(db, name, "test", lease=60)
        assert claim is not None
        status = SweepStatus.COMPLETED if name == "over" else SweepStatus.RUNNING
        look = SweepSnapshot(status=status, cursor="1", finished_at=NOON)
        assert leases.apply(db, claim, look, next_look=1000)
    due = partial(claims.claim_due, db, "test", backend="local", limit=9, lease=60)
    claims.make_due(db, "azureml")
    assert due() == []
    claims.make_due(db, "local")
    assert [claim.sweep.name for claim in due()] == ["waits"]
