"""When a tracker claims: at once, but under load what comes together is claimed together."""

import random
import statistics
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

from app.backends.base import Backend
from app.services.claiming import MIN_CLAIM_SECONDS, SCAN_SECONDS, Claiming
from app.store import leases, sweeps
from app.store.database import Database
from app.sweep.document import BackendName
from app.sweep.state import SweepSnapshot, SweepStatus
from tests.contract.store.samples import claim_one, new

LATER = 1000.0
RUNS = SweepSnapshot(status=SweepStatus.RUNNING, cursor="1")


def claiming(db: Database, poll_interval: float | None) -> Claiming:
    """Of a tracker that has the local backend, which is polled or announces changes."""
    one = cast("Backend", SimpleNamespace(poll_interval=poll_interval))
    known = cast("Mapping[BackendName, Backend]", {"local": one})
    return Claiming(db, known, "test", elsewhere=(), room=32, lease=60)


def drawn(db: Database, drawing: Claiming, wait: float) -> list[str]:
    """What it claims after at most so many seconds; each is looked at, and due much later."""
    drawing.bell.wait(min(wait, drawing.wait()))
    drawing.bell.clear()
    names = []
    for claim in drawing.claims():
        drawing.begin(claim)
        assert leases.apply(db, claim, RUNS, next_look=LATER)
        drawing.end(claim, more=False)
        names.append(claim.sweep.name)
    return names


def test_what_is_due_now_and_then_is_claimed_as_it_is_due(db: Database) -> None:
    """Ten sweeps of a polled backend a second: few of them begin together, and none waits long."""
    dice = random.Random(1)  # noqa: S311 - a test's dice
    due: dict[str, float] = {}
    for number in range(40):
        name = f"s{number}"
        sweeps.add(db, new(name))
        claim = claim_one(db, name, "test", lease=60)
        assert claim is not None
        wait = 1.0 + dice.uniform(0.0, 4.0)
        assert leases.apply(db, claim, RUNS, next_look=wait)
        due[name] = time.monotonic() + wait
    drawing = claiming(db, poll_interval=15.0)
    found, waited = [], []
    while due:
        names = drawn(db, drawing, SCAN_SECONDS)
        found.append(len(names))
        waited += [time.monotonic() - due.pop(name) for name in names]
    print(f"{max(waited):.2f} s at most, {found}")
    assert max(waited) < 1.2 * SCAN_SECONDS + 1.0
    busy = [each for each in found if each]
    assert statistics.median(busy) < 5, "ten would be found in a second"
    assert len(found) < 40, "no more looks at the records than sweeps"


def test_the_first_that_is_announced_is_claimed_at_once_the_next_together(db: Database) -> None:
    """Each costs a transaction; a sweep that comes alone waits for nothing."""
    names = [f"s{number}" for number in range(60)]
    for name in names:
        sweeps.add(db, new(name))
        claim = claim_one(db, name, "test", lease=60)
        assert claim is not None
        assert leases.apply(db, claim, RUNS, next_look=LATER)
    drawing = claiming(db, poll_interval=None)
    assert drawn(db, drawing, 0) == []
    drawing.wake("s0")
    begun = time.monotonic()
    assert drawn(db, drawing, SCAN_SECONDS) == ["s0"]
    batches, left = 1, set(names) - {"s0"}
    coming = sorted(left)
    while left:
        if coming:
            drawing.wake(coming.pop())
        found = drawn(db, drawing, 0.005)
        left -= set(found)
        batches += bool(found)
    assert batches <= 1 + (time.monotonic() - begun) / MIN_CLAIM_SECONDS + 1
    assert batches < len(names) / 2
