"""The database's clock, set back or forward under leases and looks that go by it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from app.store import chores, claims, leases, sweeps
from app.store.clocks import clock
from app.store.database import Database
from app.store.tables import CHORES
from tests.contract.store.receivers import LEASE
from tests.contract.store.samples import claim_one, new, running
from tests.contract.store.test_store_leases import claimed


def test_a_clock_that_was_set_back_holds_nothing_up(db: Database) -> None:
    """Leases and looks that then lie an hour ahead are as near as they were; near ones stay."""
    sweeps.add(db, new("one"))
    sweeps.add(db, new("two"))
    held = claimed(db, lease=3600)
    assert leases.postpone(db, claimed(db, "two"), error="away", delay=3600)
    assert claims.claim_due(db, "other", backend="local", limit=5, lease=0.2) == []
    claims.clock_set_back(db, lease=0.2, longest_wait=7200)
    assert claim_one(db, "one", "other", lease=60) is None
    time.sleep(0.4)
    (taken,) = claims.claim_due(db, "other", backend="local", limit=5, lease=60)
    assert taken.sweep.name == "one"
    assert not leases.apply(db, held, running(), next_look=0)
    claims.clock_set_back(db, lease=60, longest_wait=0)
    found = claims.claim_due(db, "other", backend="local", limit=5, lease=60)
    assert [claim.sweep.name for claim in found] == ["two"]


def test_a_service_does_not_claim_what_it_looks_at(db: Database) -> None:
    """Not even when the clock jumps ahead and its own lease seems to have run out."""
    sweeps.add(db, new("one"))
    claimed(db, lease=0.01)
    time.sleep(0.05)
    assert claims.claim_due(db, "me", backend="local", limit=5, lease=60, but=["one"]) == []
    assert len(claims.claim_due(db, "me", backend="local", limit=5, lease=60)) == 1


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ({"lease_until": clock() + LEASE}, False),
        ({"lease_until": None, "done_at": clock()}, False),
        ({"lease_until": None}, True),
    ],
    ids=["claimed", "done", "let go"],
)
def test_a_claim_that_has_to_wait_goes_by_what_was_written_meanwhile(
    db: Database, *, written: dict[str, object], taken: bool
) -> None:
    """By a clock that stood still, that would be of a time yet to come, as if it had been set back."""
    assert chores.claim(db, "tidy", "early", lease=0)
    with ThreadPoolExecutor(1) as pool:
        with db.write() as session:
            session.execute(select(CHORES).with_for_update())
            late = pool.submit(chores.claim, db, "tidy", "late", lease=LEASE, every=LEASE)
            time.sleep(0.2)
            session.execute(update(CHORES).values(**written))
        assert late.result() == taken
