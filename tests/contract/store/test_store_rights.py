"""What a caller sees and may change, quotas under a race, and a log that only grows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from app.access.callers import Actor, Caller, Role
from app.access.quotas import Quota, QuotaExceededError
from app.store import audit, events, history, models, sweeps, trials, webhooks
from app.store import views as views_on_record
from app.store.database import Database
from app.store.engines import parse_url
from app.sweep.errors import ConflictError, ForbiddenError, NotFoundError
from app.sweep.record import Earlier, NewSweep, SweepFilter
from app.sweep.webhook import NewWebhook
from tests.contract.store.samples import new

OURS = Caller("ours", "api-key", {"vision": Role.REGISTRAR})
THEIRS = Caller("theirs", "api-key", {"nlp": Role.REGISTRAR})
LOOKS_ON = Caller("looks-on", "api-key", {"vision": Role.READER})


def acting(db: Database, caller: Caller) -> Database:
    """The database as that caller sees it."""
    return db.acting(Actor(caller, "192.0.2.7", "request-1"))


def of_vision(name: str, key: str | None = None) -> NewSweep:
    """A sweep of the project vision."""
    return replace(new(name, key=key), project="vision")


READS: list[Callable[[Database], object]] = [
    lambda db: sweeps.get(db, "mine"),
    lambda db: trials.page(db, "mine", limit=5),
    lambda db: trials.get(db, "mine", 0),
    lambda db: trials.best(db, "mine"),
    lambda db: trials.every(db, "mine"),
    lambda db: trials.reports(db, "mine", "loss"),
    lambda db: views_on_record.newest(db, "mine"),
    lambda db: views_on_record.outcomes(db, "mine"),
    lambda db: views_on_record.identified(db, "mine"),
    lambda db: sweeps.request_cancel(db, "mine"),
    lambda db: sweeps.archive(db, "mine"),
    lambda db: sweeps.purge(db, "mine"),
]


@pytest.mark.parametrize("read", READS)
def test_what_is_not_theirs_is_not_there(db: Database, read: Callable[[Database], object]) -> None:
    """Whatever is asked for by a name that another project has."""
    sweeps.add(acting(db, OURS), of_vision("mine"))
    with pytest.raises(NotFoundError):
        read(acting(db, THEIRS))


def test_lists_leave_out_what_is_not_theirs(db: Database) -> None:
    """Sweeps, events, models, earlier sweeps of a document."""
    made, _ = sweeps.add(acting(db, OURS), of_vision("mine"))
    other = acting(db, THEIRS)
    assert not sweeps.page(other, SweepFilter(), limit=5).items
    assert not sweeps.among(other, ["mine"])
    assert not events.page(other, limit=5)
    assert not models.page_models(other, limit=5).items
    asked = {"document_hash": made.document_hash, "code": "", "command": "", "metric": ""}
    assert history.known(other, **asked) == (Earlier(), None)
    assert history.known(acting(db, OURS), **asked)[1] is not None
    with pytest.raises(ConflictError, match="is taken"):
        sweeps.add(other, replace(new("mine"), project="nlp"))


def test_a_reader_changes_nothing(db: Database) -> None:
    """And leaves no trace of having tried."""
    sweeps.add(acting(db, OURS), of_vision("mine"))
    reader = acting(db, LOOKS_ON)
    hook = NewWebhook(url="https://a.example", secret="whsec_", project="vision")  # noqa: S106 - of no use
    for change in (
        lambda: sweeps.add(reader, of_vision("more")),
        lambda: sweeps.request_cancel(reader, "mine"),
        lambda: sweeps.purge(reader, "mine"),
        lambda: webhooks.add(reader, hook),
        lambda: webhooks.page(reader, limit=5),
        lambda: audit.page(reader, limit=5),
    ):
        with pytest.raises(ForbiddenError):
            change()
    (entry,) = audit.page(db, limit=5).items
    assert (entry.actor, entry.action, entry.target) == ("ours", "sweep.submit", "mine")
    assert (entry.source, entry.request_id) == ("192.0.2.7", "request-1")


def test_an_idempotency_key_is_its_callers_own(db: Database) -> None:
    """Two callers may choose the same one."""
    ours, fresh = sweeps.add(acting(db, OURS), of_vision("one", key="monday"))
    other = replace(new("two", key="monday"), project="nlp")
    theirs, also = sweeps.add(acting(db, THEIRS), other)
    assert (fresh, also) == (True, True)
    again, more = sweeps.add(acting(db, OURS), of_vision("one", key="monday"))
    assert (again.name, more, theirs.name) == (ours.name, False, "two")


def test_a_quota_holds_when_many_ask_at_once(db: Database) -> None:
    """Each submission is held against what the others have just taken."""
    quota = Quota(active_sweeps=3)

    def submit(number: int) -> bool:
        try:
            sweeps.add(acting(db, OURS), of_vision(f"sweep-{number}"), quota)
        except QuotaExceededError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(submit, range(16)))
    assert sum(accepted) == 3
    assert len(sweeps.page(db, SweepFilter(), limit=20).items) == 3


@pytest.mark.parametrize(
    ("quota", "used"),
    [
        (Quota(active_sweeps=1), {"quota": "active_sweeps", "limit": 1, "used": 1, "wanted": 1}),
        (Quota(trials_per_day=7), {"quota": "trials_per_day", "limit": 7, "used": 4, "wanted": 4}),
        (
            Quota(concurrent_trials=3),
            {"quota": "concurrent_trials", "limit": 3, "used": 2, "wanted": 2},
        ),
    ],
    ids=lambda value: value.get("quota", "") if isinstance(value, dict) else "",
)
def test_what_is_used_is_told(db: Database, quota: Quota, used: dict[str, object]) -> None:
    """By the project itself; others have their own."""
    ours = acting(db, OURS)
    sweeps.add(ours, of_vision("one"), quota)
    with pytest.raises(QuotaExceededError) as refused:
        sweeps.add(ours, of_vision("two"), quota)
    assert refused.value.facts == used
    assert refused.value.retry_after >= 1
    sweeps.add(acting(db, THEIRS), replace(new("three"), project="nlp"), quota)


def test_the_database_keeps_the_log_as_it_is(db: Database, url: str) -> None:
    """Whoever is connected to it."""
    sweeps.add(acting(db, OURS), of_vision("mine"))
    engine = create_engine(parse_url(url))
    for statement in ("DELETE FROM audit", "UPDATE audit SET actor = 'somebody else'"):
        with pytest.raises(DBAPIError, match="only grows"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()
    assert len(audit.page(db, limit=5).items) == 1
