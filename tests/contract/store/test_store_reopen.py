"""Finished sweeps and trials that go on, as the records see it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.store import claims, events, leases, reopen, sweeps, trials
from app.store.database import Database
from app.sweep.document import Limits
from app.sweep.errors import ConflictError, NotFoundError
from app.sweep.record import Claim, Resumption, Retrial
from app.sweep.state import SweepSnapshot, SweepStatus, TrialStatus
from tests.contract.store.samples import NOON, claim_one, new, report, running, trial


def claimed(db: Database) -> Claim:
    """Claim the sweep, which nobody holds."""
    claim = claim_one(db, "one", "test", lease=60)
    assert claim is not None
    return claim


def look(db: Database, snapshot: SweepSnapshot) -> None:
    """Claim the sweep and write this down."""
    assert leases.apply(db, claimed(db), snapshot, next_look=0)


def resumption(nth: int = 1, total: int = 9) -> Resumption:
    """A resumption with more trials."""
    limits = Limits(max_total_trials=total, max_concurrent_trials=2)
    return Resumption(nth=nth, limits=limits, time_renewed=False)


ENDED = SweepSnapshot(
    status=SweepStatus.FAILED, status_reason="too many", finished_at=NOON, cursor="9"
)


@pytest.fixture
def ended(db: Database) -> Database:
    """A failed sweep: trial 0 completed, trials 1 and 2 failed alike."""
    sweeps.add(db, new("one"))
    leases.submitted(db, claim := claimed(db))
    failed = {"status_reason": "exit code 1: boom", "fingerprint": "f" * 16}
    three = [
        trial(0, TrialStatus.COMPLETED),
        trial(1, TrialStatus.FAILED, **failed),
        trial(2, TrialStatus.FAILED, **failed),
    ]
    reports = [report(number, 1, 1.0 + number) for number in range(3)]
    assert leases.apply(db, claim, running(*three, metrics=reports), next_look=0)
    look(db, ENDED)
    return db


def test_failures_are_put_together(ended: Database) -> None:
    """The summary follows the trials."""
    (group,) = sweeps.get(ended, "one").failures
    assert (group.count, list(group.trials), group.message) == (2, [1, 2], "exit code 1: boom")
    assert trials.get(ended, "one", 1).fingerprint == "f" * 16


def test_a_resumed_sweep_is_running_due_and_has_its_new_limits(ended: Database) -> None:
    """Its hash stays, its end is gone, and the claim tells what the backend has to be told."""
    before = sweeps.get(ended, "one")
    sweeps.archive(ended, "one")
    assert claim_one(ended, "one", "x", lease=60) is None
    record = reopen.resume(ended, "one", resumption())
    assert (record.status, record.status_reason, record.finished_at) == (
        SweepStatus.RUNNING,
        None,
        None,
    )
    assert record.document["limits"] == {"max_total_trials": 9, "max_concurrent_trials": 2}
    assert (record.document_hash, record.archived) == (before.document_hash, False)
    assert record.trial_counts == before.trial_counts
    (due,) = claims.claim_due(ended, "x", backend="local", limit=5, lease=60)
    assert due.wishes == [resumption()]
    assert leases.told_wishes(ended, due)
    assert leases.apply(ended, due, running(cursor="10"), next_look=0)
    assert claimed(ended).wishes == []
    (*_, last) = events.page(ended, sweep="one", limit=100)
    assert last.data == {"status": "running", "status_reason": None}


def test_only_a_finished_sweep_is_resumed_and_only_once_at_a_time(ended: Database) -> None:
    """Of eight at once one is taken."""

    def ask(_: int) -> bool:
        try:
            reopen.resume(ended, "one", resumption())
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 1
    assert sweeps.get(ended, "one").resumes == 1
    look(ended, running(cursor="10"))
    with pytest.raises(NotFoundError):
        reopen.resume(ended, "none", resumption())


def test_a_look_that_began_before_the_wish_does_not_end_the_sweep_again(ended: Database) -> None:
    """What it says of the sweep is old; what it says of trials is kept."""
    reopen.resume(ended, "one", resumption())
    claim = claimed(ended)
    assert leases.told_wishes(ended, claim)
    reopen.retry(ended, "one", 1)
    late = SweepSnapshot(
        status=SweepStatus.FAILED, trials=[trial(3, TrialStatus.CANCELED)], cursor="11"
    )
    assert leases.apply(ended, claim, late, next_look=1000)
    assert sweeps.get(ended, "one").status is SweepStatus.RUNNING
    assert trials.get(ended, "one", 3).status is TrialStatus.CANCELED
    (due,) = claims.claim_due(ended, "x", backend="local", limit=5, lease=60)
    assert due.wishes == [Retrial(number=1, attempt=2)]


def test_wishes_that_come_while_others_are_told_are_kept(ended: Database) -> None:
    """In their order."""
    reopen.resume(ended, "one", resumption())
    claim = claimed(ended)
    reopen.retry(ended, "one", 2)
    reopen.retry(ended, "one", 0)
    assert leases.told_wishes(ended, claim)
    assert leases.postpone(ended, claim, error="away", delay=1000)
    (due,) = claims.claim_due(ended, "x", backend="local", limit=5, lease=60)
    assert due.wishes == [Retrial(number=2, attempt=2), Retrial(number=0, attempt=2)]


def test_a_retried_trial_waits_without_its_reports(ended: Database) -> None:
    """Counts, best trial and failures follow; a late report of the attempt before is dropped."""
    waiting = reopen.retry(ended, "one", 0)
    assert (waiting.status, waiting.attempt, waiting.parameters) == (
        TrialStatus.QUEUED,
        2,
        {"x": 0.0},
    )
    record = sweeps.get(ended, "one")
    assert (record.status, record.best_trial) == (SweepStatus.RUNNING, None)
    assert record.trial_counts == {TrialStatus.QUEUED: 1, TrialStatus.FAILED: 2}
    reopen.retry(ended, "one", 2)
    assert [list(group.trials) for group in sweeps.get(ended, "one").failures] == [[1]]
    assert trials.metrics(ended, "one", 0, limit=9).items == []
    with pytest.raises(ConflictError):
        reopen.retry(ended, "one", 0)
    with pytest.raises(NotFoundError):
        reopen.retry(ended, "one", 7)
    claim = claimed(ended)
    leases.told_wishes(ended, claim)
    old = running(trial(0, TrialStatus.COMPLETED), metrics=[report(0, 2, 0.1)], cursor="10")
    assert leases.apply(ended, claim, old, next_look=0)
    assert trials.get(ended, "one", 0) == waiting
    fresh = trial(0, TrialStatus.COMPLETED, attempt=2)
    look(ended, running(fresh, metrics=[report(0, 1, 5.0, attempt=2)], cursor="11"))
    assert trials.get(ended, "one", 0).objective_value == 5.0


def test_a_reason_that_changes_while_the_status_stays_is_shown(ended: Database) -> None:
    """Why a sweep waits, and that it waits no more."""
    reopen.resume(ended, "one", resumption())
    leases.told_wishes(ended, claim := claimed(ended))
    assert leases.apply(ended, claim, running(status_reason="waiting for memory"), next_look=0)
    assert sweeps.get(ended, "one").status_reason == "waiting for memory"
    look(ended, running())
    assert sweeps.get(ended, "one").status_reason is None
