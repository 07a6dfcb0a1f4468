"""What retention finds, removes and notes, on both databases."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.services.retention import Retention
from app.services.views import ViewOptions, Views
from app.store import (
    chores,
    claims,
    deliveries,
    events,
    leases,
    reopen,
    retention,
    sweeps,
    trials,
    views,
)
from app.store import webhook_queue as queue
from app.store.database import Database
from app.store.tables import EVENTS, SWEEPS
from app.sweep.document import Limits
from app.sweep.errors import NotFoundError
from app.sweep.record import Resumption
from app.sweep.retention import Tally, Terms, cutoffs
from app.sweep.state import SweepSnapshot, SweepStatus, TrialStatus
from app.sweep.webhook import DeliveryStatus, Outcome
from app.views.shape import VIEWS
from tests.contract.store.receivers import LEASE, claimed, due, subscribe
from tests.contract.store.samples import NOON, new, report, running, trial

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=90)
REPORTS = 3000
WAIT_SECONDS = 0.1
"""That a writer waits beside a round, as the 95th percentile."""
TERMS = Terms(metrics=30, points=100)


def finish(db: Database, name: str, *, ended: datetime, reports: int = 40) -> None:
    """A sweep that ended then, with two trials, the first of which has reported so often."""
    sweeps.add(db, new(name))
    (claim,) = claims.claim_due(db, "tester", backend="local", limit=1, lease=60)
    metrics = [report(0, i, float((i * 7919) % 1000)) for i in range(1, reports + 1)]
    metrics += [report(1, i, float(i)) for i in range(1, 4)]
    look = running(trial(0, started_at=NOON), trial(1, started_at=NOON), metrics=metrics)
    assert leases.apply(db, claim, look, next_look=0)
    end(db, name, ended=ended)


def end(db: Database, name: str, *, ended: datetime) -> None:
    """Let a running sweep end, and move that, and what was told of it, back in time."""
    (claim,) = claims.claim_due(db, "tester", backend="local", limit=1, lease=60)
    done = [trial(n, TrialStatus.COMPLETED, finished_at=ended) for n in (0, 1)]
    last = SweepSnapshot(status=SweepStatus.COMPLETED, trials=done, finished_at=ended, cursor="9")
    assert leases.apply(db, claim, last, next_look=0)
    with db.write() as session:
        session.execute(update(SWEEPS).where(SWEEPS.c.name == name).values(finished_at=ended))
        session.execute(update(EVENTS).where(EVENTS.c.sweep == name).values(at=ended))


def removed(db: Database, terms: Terms, *, dry_run: bool = False) -> dict[str, Tally]:
    """A round of retention, without backends."""
    found = Retention(db, {}, terms, now=NOW).run(dry_run=dry_run)
    return {part: tally for part, tally in found.items() if tally.sweeps}


def intervals(db: Database, name: str) -> list[int]:
    """Which reports of trial 0 are there."""
    every = trials.reports(db, name, "loss")
    return [each.interval for each in every if each.trial == 0]


def test_reports_of_old_sweeps_are_thinned(db: Database) -> None:
    """Counted exactly before; the ends and the best stay; newer sweeps stay as they are."""
    finish(db, "old", ended=LONG_AGO, reports=REPORTS)
    finish(db, "new", ended=NOW - timedelta(days=29), reports=REPORTS)
    before = trials.get(db, "old", 0)
    counted = removed(db, TERMS, dry_run=True)
    assert len(intervals(db, "old")) == REPORTS
    assert removed(db, TERMS) == counted
    left = intervals(db, "old")
    assert counted["metrics"].items == REPORTS - len(left)
    assert counted["metrics"].sweeps == 1
    assert 50 <= len(left) <= 100
    assert (left[0], left[-1]) == (1, REPORTS)
    values = [each.value for each in trials.reports(db, "old", "loss") if each.trial == 0]
    assert (min(values), max(values)) == (0.0, 999.0)
    assert trials.get(db, "old", 0) == before
    assert len(intervals(db, "new")) == REPORTS
    assert sweeps.get(db, "old").metrics_thinned_at is not None
    assert sweeps.get(db, "new").metrics_thinned_at is None
    newest = events.newest(db)
    assert removed(db, TERMS) == {}
    assert events.newest(db) == newest, "what is gone is not looked for again"


def test_views_notice_a_thinning(db: Database) -> None:
    """Their number changes, and what was kept in memory is made anew."""
    finish(db, "old", ended=LONG_AGO, reports=REPORTS)
    shown = Views(db)
    options = ViewOptions(points=1000)
    kind = next(name for name in VIEWS if "curves" in name)
    first = shown.view("old", kind, options)
    newest = shown.newest("old")
    removed(db, TERMS)
    assert shown.newest("old") > newest
    again = shown.view("old", kind, options)
    assert again != first
    assert again == Views(db).view("old", kind, options)


def test_a_thinning_that_was_cut_off_ends_alike(db: Database) -> None:
    """Whatever transaction was the last one."""
    for name in ("whole", "cut"):
        finish(db, name, ended=LONG_AGO, reports=REPORTS)

    class CutError(Exception):
        pass

    beats = 0

    def cut() -> None:
        nonlocal beats
        beats += 1
        if beats == 7:
            raise CutError

    with pytest.raises(CutError):
        Retention(db, {}, TERMS, now=NOW, beat=cut).run(dry_run=False)
    assert len(intervals(db, "whole")) <= 100
    assert 100 < len(intervals(db, "cut")) < REPORTS
    removed(db, TERMS)
    assert intervals(db, "whole") == intervals(db, "cut")
    assert len(intervals(db, "cut")) <= 100


def test_a_sweep_that_goes_on_is_left_alone_and_thinned_after_its_end(db: Database) -> None:
    """What was noted before its last end does not count."""
    finish(db, "one", ended=LONG_AGO, reports=REPORTS)
    removed(db, TERMS)
    limits = Limits(max_total_trials=6, max_concurrent_trials=2)
    reopen.resume(db, "one", Resumption(nth=1, limits=limits, time_renewed=True))
    assert removed(db, TERMS) == {}
    (claim,) = claims.claim_due(db, "tester", backend="local", limit=1, lease=60)
    leases.told_wishes(db, claim)
    metrics = [report(2, i, float(i)) for i in range(1, 301)]
    look = running(trial(2, started_at=NOON), metrics=metrics, cursor="10")
    assert leases.apply(db, claim, look, next_look=0)
    assert removed(db, TERMS) == {}
    later = datetime.now(UTC) + timedelta(days=31)
    end(db, "one", ended=datetime.now(UTC))
    found = Retention(db, {}, TERMS, now=later).run(dry_run=False)
    assert found["metrics"].items >= 200


def test_events_go_but_for_the_newest(db: Database) -> None:
    """Its id is that of the sweep's views; others that follow are told to begin anew."""
    terms = Terms(events=30)
    finish(db, "old", ended=LONG_AGO)
    finish(db, "new", ended=NOW)
    of_old = events.page(db, sweep="old", limit=500)
    of_new = events.page(db, sweep="new", limit=500)
    counted = removed(db, terms, dry_run=True)
    assert counted["events"] == Tally(1, len(of_old) - 1)
    assert views.changed(db, "old", of_old[1].id) is not None
    assert removed(db, terms) == counted
    assert events.page(db, sweep="old", limit=500) == of_old[-1:]
    assert events.page(db, sweep="new", limit=500) == of_new
    assert views.newest(db, "old") == of_old[-1].id
    assert views.changed(db, "old", of_old[1].id) is None, "nobody knows what has changed since"
    assert views.changed(db, "old", of_old[-1].id) == set()
    assert sweeps.get(db, "old").events_removed_at is not None
    assert removed(db, terms) == {}


def test_events_wait_for_webhooks(db: Database) -> None:
    """Those that a receiver has yet to be told of stay, and all after them."""
    hook = subscribe(db)
    finish(db, "old", ended=LONG_AGO)
    told = events.page(db, sweep="old", limit=500)
    assert removed(db, Terms(events=30)) == {}
    while queue.queue_events(db):
        pass
    assert removed(db, Terms(events=30)) == {}
    assert sweeps.get(db, "old").events_removed_at is None
    claim = claimed(db)
    ok = Outcome(status=DeliveryStatus.DELIVERED, response_status=204)
    for _ in told[:3]:
        sent = due(db, claim)
        assert sent.event is not None
        queue.record(db, claim, sent.delivery.id, ok)
    assert removed(db, Terms(events=30))["events"].items == 3
    assert sweeps.get(db, "old").events_removed_at is None
    while left := queue.next_due(db, claim, lease=LEASE):
        queue.record(db, claim, left.delivery.id, ok)
    assert removed(db, Terms(events=30))["events"].items == len(told) - 4
    assert sweeps.get(db, "old").events_removed_at is not None
    assert deliveries.page(db, hook.id, limit=200).items


def test_archived_sweeps_count_from_the_day_they_were_archived(db: Database) -> None:
    """Those of earlier versions from the first round on; what is not archived stays."""
    finish(db, "kept", ended=LONG_AGO)
    finish(db, "gone", ended=LONG_AGO)
    sweeps.archive(db, "gone")
    bounds = cutoffs(Terms(archived=30), NOW)
    assert list(retention.due(db, bounds)) == []
    with db.write() as session:
        session.execute(update(SWEEPS).values(archived_at=None))
    retention.note_archived(db)
    assert list(retention.due(db, bounds)) == []
    later = cutoffs(Terms(archived=30), NOW + timedelta(days=31))
    assert [each.name for each in retention.due(db, later)] == ["gone"]
    (candidate,) = retention.due(db, later)
    assert sum(retention.empty(db, candidate)) == 43
    sweeps.purge(db, "gone")
    with pytest.raises(NotFoundError):
        sweeps.get(db, "gone")
    assert len(intervals(db, "kept")) == 40


def test_a_chore_is_done_by_one_at_a_time(db: Database) -> None:
    """Not again before it is time; what a killed one held is free when its lease has run out."""
    assert chores.claim(db, "tidy", "one", lease=60, every=3600)
    assert not chores.claim(db, "tidy", "two", lease=60, every=3600)
    chores.renew(db, "tidy", "two", lease=0)
    assert not chores.claim(db, "tidy", "two", lease=60)
    chores.done(db, "tidy", "one")
    assert not chores.claim(db, "tidy", "two", lease=60, every=3600)
    assert chores.claim(db, "tidy", "two", lease=60, every=0)
    chores.let_go(db, "tidy", "two")
    assert chores.claim(db, "tidy", "three", lease=-1)
    assert chores.claim(db, "tidy", "four", lease=60), "the lease of a killed one has run out"


@pytest.mark.slow
def test_others_write_meanwhile(db: Database, url: str) -> None:
    """A thinning of many reports keeps nobody waiting; its transactions are short."""
    finish(db, "old", ended=LONG_AGO, reports=30 * REPORTS)
    other = Database(url)
    waits = []
    with ThreadPoolExecutor(1) as pool:
        round_ = pool.submit(Retention(other, {}, TERMS, now=NOW).run, dry_run=False)
        while not round_.done():
            begun = time.monotonic()
            with db.write() as session:
                session.execute(update(SWEEPS).values(failures=0))
            waits.append(time.monotonic() - begun)
            time.sleep(0.005)
        assert round_.result()["metrics"].items > 29 * REPORTS
    other.close()
    p95 = statistics.quantiles(waits, n=20)[-1]
    print(f"{len(waits)} writes, p95 {p95 * 1000:.0f} ms, longest {max(waits) * 1000:.0f} ms")
    assert p95 < WAIT_SECONDS
