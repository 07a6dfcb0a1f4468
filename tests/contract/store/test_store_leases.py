import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.store import claims, leases, sweeps, trials
from app.store.database import Database
from app.sweep.record import Claim
from app.sweep.state import ObjectiveStatus, SweepSnapshot, SweepStatus, TrialStatus
from tests.contract.store.samples import NOON, claim_one, decision, new, report, running, trial


def claimed(db: Database, name: str = "one", lease: float = 60) -> Claim:
    """Claim a sweep that nobody holds."""
    claim = claim_one(db, name, "test", lease=lease)
    assert claim is not None
    return claim


def look(db: Database, snapshot: SweepSnapshot) -> None:
    """Claim the sweep and write this down."""
    assert leases.apply(db, claimed(db), snapshot, next_look=0)


@pytest.fixture
def one(db: Database) -> Database:
    """A database with one new sweep."""
    sweeps.add(db, new("one"))
    return db


def test_a_sweep_is_held_by_one(one: Database) -> None:
    """Nobody else gets it while the lease lasts; afterwards anybody."""
    first = claimed(one)
    assert claim_one(one, "one", "other", lease=60) is None
    assert claims.claim_due(one, "other", backend="local", limit=5, lease=60) == []
    assert leases.postpone(one, first, error="away", delay=0)
    assert [
        claim.sweep.name for claim in claims.claim_due(one, "o", backend="local", limit=5, lease=60)
    ] == ["one"]


def test_a_lapsed_lease_is_taken_over_and_fences_its_holder_off(one: Database) -> None:
    """The old holder's writes change nothing."""
    old = claimed(one, lease=0.01)
    time.sleep(0.05)
    fresh = claimed(one)
    assert fresh.token > old.token
    assert not leases.apply(one, old, running(trial(0)), next_look=0)
    assert not leases.submitted(one, old)
    assert not leases.told_cancel(one, old)
    assert not leases.postpone(one, old, error="x", delay=0)
    assert not leases.finish(one, old, SweepStatus.FAILED, "x")
    assert sweeps.get(one, "one").trial_counts == {}
    assert leases.apply(one, fresh, running(trial(0)), next_look=0)


def test_a_claim_can_be_used_for_one_apply(one: Database) -> None:
    """The same look written twice doubles nothing."""
    claim = claimed(one)
    snapshot = running(trial(0), metrics=[report(0, 1, 3.0)])
    assert leases.apply(one, claim, snapshot, next_look=0)
    assert not leases.apply(one, claim, snapshot, next_look=0)
    assert len(trials.metrics(one, "one", 0, limit=9).items) == 1


def test_a_renewed_lease_is_not_taken_and_an_overtaken_one_not_renewed(one: Database) -> None:
    """A long look goes on; one whose lease ran out stays without its right."""
    first = claim_one(one, "one", "a", lease=0.2)
    assert first is not None
    leases.renew(one, [first], lease=60)
    time.sleep(0.3)
    assert claim_one(one, "one", "b", lease=60) is None
    leases.renew(one, [first], lease=0.1)
    time.sleep(0.2)
    second = claim_one(one, "one", "b", lease=60)
    assert second is not None
    leases.renew(one, [first], lease=60)
    assert not leases.postpone(one, first, error="away", delay=0)
    assert leases.postpone(one, second, error="away", delay=0)


def test_due_times_are_kept(one: Database) -> None:
    """A sweep that is due later is not claimed as due, but by name; the oldest comes first."""
    look(one, running())
    leases.postpone(one, claimed(one), error="away", delay=1000)
    assert claims.claim_due(one, "x", backend="local", limit=5, lease=60) == []
    for name in ("two", "three"):
        sweeps.add(one, new(name))
        time.sleep(0.01)
    due = claims.claim_due(one, "x", backend="local", limit=1, lease=60)
    assert [claim.sweep.name for claim in due] == ["two"]
    assert claim_one(one, "one", "x", lease=60) is not None


def test_concurrent_claimers_never_share(db: Database) -> None:
    """Six threads claim 30 sweeps: each goes to exactly one."""
    for number in range(30):
        sweeps.add(db, new(f"s{number}"))

    def take(owner: int) -> list[str]:
        taken = []
        while some := claims.claim_due(db, str(owner), backend="local", limit=3, lease=60):
            taken += [claim.sweep.name for claim in some]
        return taken

    with ThreadPoolExecutor(6) as pool:
        names = [name for taken in pool.map(take, range(6)) for name in taken]
    assert sorted(names) == sorted(f"s{number}" for number in range(30))


def test_concurrent_looks_lose_nothing(one: Database) -> None:
    """Six threads add 20 reports each to one trial: all 120 are there."""

    def work(_: int) -> None:
        done = 0
        deadline = time.monotonic() + 60
        while done < 20 and time.monotonic() < deadline:
            claim = claim_one(one, "one", "x", lease=60)
            if claim is None:
                time.sleep(0.001)
                continue
            count = int(claim.cursor or "0") + 1
            metrics = [report(0, count, float(count))]
            snapshot = running(trial(0), metrics=metrics, cursor=str(count))
            assert leases.apply(one, claim, snapshot, next_look=0)
            done += 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    found = trials.metrics(one, "one", 0, limit=200).items
    assert [metric.interval for metric in found] == list(range(1, 121))


def test_submission_keeps_the_lease(one: Database) -> None:
    """Submitting becomes queued, once; the look that follows is by the same claim."""
    claim = claimed(one)
    assert leases.submitted(one, claim)
    record = sweeps.get(one, "one")
    assert record.status is SweepStatus.QUEUED
    assert leases.apply(one, claim, running(), next_look=0)
    assert leases.submitted(one, claimed(one))
    again = sweeps.get(one, "one")
    assert (again.status, again.submitted_at) == (SweepStatus.RUNNING, record.submitted_at)


def test_the_end_is_final(one: Database) -> None:
    """After its end a sweep is not due, and no status follows."""
    look(one, SweepSnapshot(status=SweepStatus.COMPLETED, finished_at=NOON, cursor="1"))
    record = sweeps.get(one, "one")
    assert (record.status, record.finished_at) == (SweepStatus.COMPLETED, NOON)
    assert claim_one(one, "one", "x", lease=60) is None


def test_a_canceling_sweep_does_not_run_again(one: Database) -> None:
    """A late `running` is passed over; the wish to end makes the sweep due whatever was planned."""
    claim = claimed(one)
    sweeps.request_cancel(one, "one")
    assert leases.apply(one, claim, running(trial(0)), next_look=1000)
    assert sweeps.get(one, "one").status is SweepStatus.CANCELING
    (due,) = claims.claim_due(one, "x", backend="local", limit=5, lease=60)
    assert due.cancel_requested
    assert leases.told_cancel(one, due)
    canceled = SweepSnapshot(status=SweepStatus.CANCELED, status_reason="asked", cursor="2")
    assert leases.apply(one, due, canceled, next_look=0)
    assert sweeps.get(one, "one").status_reason == "asked"


def test_trouble_is_shown_and_mended(one: Database) -> None:
    """A failed look leaves its reason and a delay; the next good one clears both."""
    assert leases.postpone(one, claimed(one), error="no answer", delay=1000)
    assert sweeps.get(one, "one").sync_error == "no answer"
    assert claims.claim_due(one, "x", backend="local", limit=5, lease=60) == []
    claim = claimed(one)
    assert claim.failures == 1
    assert leases.apply(one, claim, running(), next_look=0)
    assert sweeps.get(one, "one").sync_error is None
    assert claimed(one).failures == 0


def test_reports_make_the_objective(one: Database) -> None:
    """The best finite report counts; the summary follows; NaN and infinities survive."""
    values = [3.0, math.nan, 1.5, math.inf]
    metrics = [report(0, n, value) for n, value in enumerate(values, start=1)]
    metrics.append(report(0, 1, -7.0, name="other"))
    look(one, running(trial(0), trial(1), metrics=metrics))
    shown = trials.get(one, "one", 0)
    assert (shown.objective_value, shown.last_value) == (1.5, math.inf)
    assert shown.metrics == {"loss": math.inf, "other": -7.0}
    read = [metric.value for metric in trials.metrics(one, "one", 0, name="loss", limit=9).items]
    assert [repr(value) for value in read] == ["3.0", "nan", "1.5", "inf"]
    look(one, running(trial(0, TrialStatus.COMPLETED, finished_at=NOON), cursor="2"))
    record = sweeps.get(one, "one")
    assert record.trial_counts == {TrialStatus.COMPLETED: 1, TrialStatus.RUNNING: 1}
    assert record.best_trial is not None
    assert (record.best_trial.number, record.best_trial.objective_value) == (0, 1.5)
    best = trials.best(one, "one")
    assert best is not None
    assert best.metrics == {"loss": math.inf, "other": -7.0}


def test_best_trial_ties_go_to_the_lower_number(one: Database) -> None:
    """Only completed trials with a finite value compete."""
    states = [TrialStatus.FAILED, TrialStatus.COMPLETED, TrialStatus.COMPLETED]
    values = [0.1, 2.0, 2.0]
    look(
        one,
        running(
            *(trial(n, status) for n, status in enumerate(states)),
            trial(3, TrialStatus.COMPLETED),
            metrics=[report(n, 1, value) for n, value in enumerate(values)],
        ),
    )
    best = trials.best(one, "one")
    assert best is not None
    assert best.number == 1
    assert trials.get(one, "one", 3).objective_status is ObjectiveStatus.MISSING


def test_a_new_attempt_begins_anew(one: Database) -> None:
    """Its reports replace those before; a finished trial changes only so."""
    failed = trial(0, TrialStatus.FAILED, status_reason="boom")
    look(one, running(failed, metrics=[report(0, 1, 1.0), report(0, 2, 2.0)]))
    look(one, running(trial(0, TrialStatus.RUNNING), cursor="2"))
    assert trials.get(one, "one", 0).status is TrialStatus.FAILED
    again = trial(0, TrialStatus.RUNNING, attempt=2)
    late = [report(0, 3, 0.1), report(0, 1, 9.0, attempt=2)]
    look(one, running(again, metrics=late, cursor="3"))
    shown = trials.get(one, "one", 0)
    assert (shown.status, shown.attempt, shown.objective_value) == (TrialStatus.RUNNING, 2, 9.0)
    found = trials.metrics(one, "one", 0, limit=9).items
    assert [(metric.attempt, metric.value) for metric in found] == [(2, 9.0)]


def test_the_ledger_is_kept_in_order(one: Database) -> None:
    """Decisions read back with their numbers, page by page."""
    look(one, running(trial(2), decisions=[decision(2, n) for n in range(1, 6)]))
    first = trials.decisions(one, "one", 2, limit=3)
    rest = trials.decisions(one, "one", 2, limit=3, cursor=first.next_cursor)
    assert [d.interval for d in (*first.items, *rest.items)] == [1, 2, 3, 4, 5]
    assert rest.next_cursor is None
    newest = trials.decisions(one, "one", 2, sort="-arrival", limit=2)
    older = trials.decisions(one, "one", 2, sort="-arrival", limit=9, cursor=newest.next_cursor)
    assert [d.interval for d in (*newest.items, *older.items)] == [5, 4, 3, 2, 1]
    shown = first.items[0]
    assert (shown.threshold, shown.verdict, shown.compared[0]) == (2.5, "stop", 2.0)
    assert math.isnan(shown.value)


def test_pages_of_trials(one: Database) -> None:
    """Every order is complete, with unknown values last."""
    values = [3.0, None, 1.0, 2.0, None]
    metrics = [report(n, 1, value) for n, value in enumerate(values) if value is not None]
    look(one, running(*(trial(n) for n in range(5)), metrics=metrics))

    def numbers(sort: str) -> list[int]:
        seen: list[int] = []
        cursor = None
        while True:
            page = trials.page(one, "one", sort=sort, limit=2, cursor=cursor)
            seen += [item.number for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return seen

    assert numbers("number") == [0, 1, 2, 3, 4]
    assert numbers("objective") == [2, 3, 0, 1, 4]
    assert numbers("-objective") == [0, 3, 2, 1, 4]
    assert numbers("started_at") == [0, 1, 2, 3, 4]
    filtered = trials.page(one, "one", status=TrialStatus.FAILED, limit=5)
    assert filtered.items == []
