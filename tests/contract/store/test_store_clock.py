"""The database's clock, set back or forward under leases and looks that go by it."""

import time

from app.store import claims, leases, sweeps
from app.store.database import Database
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
