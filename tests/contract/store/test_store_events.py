"""Events: one for each change, in the order of commits."""

import pytest

from app.store import claims, events, leases, reopen, sweeps
from app.store.database import Database
from app.store.news import REPORTS_PER_EVENT
from app.sweep.errors import ConflictError
from app.sweep.record import Event
from app.sweep.state import SweepSnapshot, SweepStatus, TrialStatus
from tests.contract.store.samples import NOON, decision, new, report, running, trial


@pytest.fixture
def one(db: Database) -> Database:
    """A database with one sweep."""
    sweeps.add(db, new("one"))
    return db


def look(db: Database, snapshot: SweepSnapshot) -> list[Event]:
    """The events that a look makes."""
    before = events.newest(db)
    (claim,) = claims.claim_due(db, "tester", backend="local", limit=1, lease=60)
    assert leases.apply(db, claim, snapshot, next_look=0)
    return events.page(db, after=before, limit=200)


def test_events_tell_what_changed(one: Database) -> None:
    """One event per change, none for a look without news."""
    first = look(one, running(trial(0), metrics=[report(0, 1, 2.0)]))
    assert [event.type for event in first] == ["trial.status", "trial.metric", "sweep.status"]
    assert first[1].data == {
        "number": 0,
        "attempt": 1,
        "reports": [
            {
                "name": "loss",
                "interval": 1,
                "step": 0,
                "value": 2.0,
                "recorded_at": "2026-03-01T12:00:01+00:00",
            }
        ],
    }
    assert look(one, running(cursor="2")) == []
    last = look(one, running(trial(0, TrialStatus.COMPLETED), cursor="3"))
    assert [event.type for event in last] == ["trial.status", "sweep.best"]
    assert events.newest(one) == events.newest(one, "one") == last[-1].id
    assert events.newest(one, "another") == 0


def test_decisions_are_told_with_their_numbers(one: Database) -> None:
    """Those of one trial and look together."""
    look(one, running(trial(3)))
    (told,) = look(one, running(decisions=[decision(3, 1), decision(3, 2)], cursor="2"))
    assert told.type == "trial.decision"
    entries = told.data["decisions"]
    assert isinstance(entries, list)
    assert [entry["interval"] for entry in entries] == [1, 2]
    assert (entries[0]["value"], entries[0]["threshold"]) == ("NaN", 2.5)


def test_many_reports_are_told_in_several_events(one: Database) -> None:
    """None is left out, none told twice."""
    count = 2 * REPORTS_PER_EVENT + 1
    metrics = [report(0, n, float(n)) for n in range(1, count + 1)]
    told = look(one, running(trial(0), metrics=metrics))
    reports = [event.data["reports"] for event in told if event.type == "trial.metric"]
    intervals = [entry["interval"] for some in reports for entry in some]  # type: ignore[attr-defined]
    assert intervals == list(range(1, count + 1))
    assert len(reports) == 3


def test_every_change_of_a_trial_is_told(one: Database) -> None:
    """Whatever changes without another status has an event, too."""
    look(one, running(trial(0)))
    told = look(one, running(trial(0, started_at=NOON), cursor="2"))
    assert [(event.type, event.data) for event in told] == [("trial.details", {"number": 0})]


def test_the_end_of_trouble_is_told(one: Database) -> None:
    """As its beginning is, once."""
    look(one, running())
    (claim,) = claims.claim_due(one, "tester", backend="local", limit=1, lease=60)
    leases.postpone(one, claim, error="away", delay=0)
    newest = events.newest(one)
    (over,) = look(one, running(cursor="2"))
    assert (over.id, over.type, over.data) == (newest + 1, "sync.error", {"error": None})


def test_a_retried_trial_is_told(one: Database) -> None:
    """With its new attempt."""
    snapshot = running(trial(0, TrialStatus.FAILED))
    look(one, snapshot)
    reopen.retry(one, "one", 0)
    told = events.page(one, limit=200)[-1]
    assert (told.type, told.data["attempt"]) == ("trial.status", 2)


def test_a_commit_with_events_is_announced(one: Database) -> None:
    """After it can be read, and not when it was rolled back."""
    heard: list[int] = []
    one.listen(lambda: heard.append(events.newest(one)))
    sweeps.request_cancel(one, "one")
    assert heard == [events.newest(one)]
    with pytest.raises(ConflictError):
        sweeps.purge(one, "one")
    assert len(heard) == 1
    assert sweeps.get(one, "one").status is SweepStatus.CANCELING
