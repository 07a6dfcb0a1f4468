"""The figures of what there is to do: of live sweeps and of deliveries that wait, and of nothing else."""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import event, insert, update

from app.store import leases, sweeps, webhook_queue, webhooks
from app.store.census import census
from app.store.database import Database
from app.store.tables import SWEEPS, TRIALS, WEBHOOK_DELIVERIES
from app.sweep.census import BackendCensus, WebhookCensus
from app.sweep.state import SweepStatus, TrialStatus
from tests.contract.store.receivers import DELIVERED, LEASE, claimed, due, subscribe
from tests.contract.store.samples import claim_one, new, running, trial

HOUR = 3600.0


def _of(db: Database, backend: str) -> BackendCensus:
    (found,) = [
        each for each in census(db, ["azureml", "local"]).backends if each.backend == backend
    ]
    return found


def _look(db: Database, name: str, *statuses: TrialStatus, next_look: float = 60.0) -> None:
    claim = claim_one(db, name, "a test", lease=LEASE)
    assert claim is not None
    leases.submitted(db, claim)
    trials = [trial(number, status) for number, status in enumerate(statuses)]
    assert leases.apply(db, claim, running(*trials), next_look=next_look)


def test_where_there_is_nothing_all_is_zero(db: Database) -> None:
    """For every backend that is asked about."""
    found = census(db, ["local"])
    assert found.webhooks == WebhookCensus()
    (local,) = found.backends
    assert (local.lag_seconds, local.due, local.queue_seconds) == (0.0, 0, 0.0)
    assert local.sweeps == dict.fromkeys(["submitting", "queued", "running", "canceling"], 0)
    assert local.trials == dict.fromkeys(TrialStatus, 0)


def test_live_sweeps_and_their_trials_are_counted(db: Database) -> None:
    """By backend and status; what has ended counts no more."""
    for name, backend in (("a", "local"), ("b", "local"), ("c", "azureml"), ("d", "local")):
        sweeps.add(db, new(name, backend=backend))
    _look(db, "a", TrialStatus.RUNNING, TrialStatus.RUNNING, TrialStatus.COMPLETED)
    _look(db, "c", TrialStatus.RUNNING)
    _look(db, "d", TrialStatus.RUNNING)
    claim = claim_one(db, "d", "a test", lease=LEASE)
    assert claim is not None
    leases.finish(db, claim, SweepStatus.FAILED, "lost")
    local, azure = _of(db, "local"), _of(db, "azureml")
    assert (local.sweeps["running"], local.sweeps["submitting"]) == (1, 1)
    assert (local.trials["running"], local.trials["completed"]) == (2, 1)
    assert (azure.sweeps["running"], azure.trials["running"]) == (1, 1)


def test_the_lag_is_that_of_the_most_overdue(db: Database) -> None:
    """One that somebody looks at is not late, nor one that is due later."""
    for name in ("late", "held", "later"):
        sweeps.add(db, new(name))
    with db.write() as session:
        for name, ago in (("late", 100.0), ("held", 900.0), ("later", -50.0)):
            at = SWEEPS.c.due_at - ago
            session.execute(update(SWEEPS).where(SWEEPS.c.name == name).values(due_at=at))
    claim = claim_one(db, "held", "a test", lease=LEASE)
    assert claim is not None
    found = _of(db, "local")
    assert found.due == 1
    assert 100 <= found.lag_seconds < 130
    _look(db, "late", TrialStatus.RUNNING)
    assert (_of(db, "local").due, _of(db, "local").lag_seconds) == (0, 0.0)


def test_the_queue_is_as_old_as_its_oldest_sweep(db: Database) -> None:
    """One whose trials have begun has waited long enough, and waits no more."""
    for name in ("first", "second"):
        sweeps.add(db, new(name))
    with db.write() as session:
        for name, hours in (("first", 2), ("second", 1)):
            at = datetime.now(UTC) - timedelta(hours=hours)
            session.execute(update(SWEEPS).where(SWEEPS.c.name == name).values(created_at=at))
    assert 2 * HOUR <= _of(db, "local").queue_seconds < 2 * HOUR + 30
    _look(db, "first", TrialStatus.RUNNING)
    assert HOUR <= _of(db, "local").queue_seconds < HOUR + 30
    _look(db, "second", TrialStatus.RUNNING)
    assert _of(db, "local").queue_seconds == 0


def test_deliveries_wait_until_they_are_made(db: Database) -> None:
    """Those of a webhook that is not active wait for nothing."""
    webhook = subscribe(db)
    sweeps.add(db, new("one"))
    webhook_queue.queue_events(db)
    with db.write() as session:
        at = datetime.now(UTC) - timedelta(minutes=10)
        session.execute(update(WEBHOOK_DELIVERIES).values(created_at=at))
    found = census(db).webhooks
    assert found.waiting == 1
    assert 600 <= found.oldest_seconds < 630
    webhooks.change(db, webhook.id, {"active": False})
    assert census(db).webhooks == WebhookCensus()
    webhooks.change(db, webhook.id, {"active": True})
    claim = claimed(db)
    webhook_queue.record(db, claim, due(db, claim).delivery.id, DELIVERED)
    assert census(db).webhooks == WebhookCensus()


def test_what_has_ended_costs_nothing(db: Database) -> None:
    """Two queries, neither of which reads trials; thousands of finished sweeps do not slow them."""
    sweeps.add(db, new("pattern"))
    _look(db, "pattern", TrialStatus.COMPLETED)
    with db.write() as session:
        row = dict(session.execute(SWEEPS.select()).mappings().one())
        tale = dict(session.execute(TRIALS.select()).mappings().one())
        ended = {**row, "status": "completed", "due_at": None}
        rows = [{**ended, "id": 100 + n, "name": f"old-{n}"} for n in range(5000)]
        session.execute(insert(SWEEPS), rows)
        session.execute(insert(TRIALS), [{**tale, "sweep_id": 100 + n} for n in range(5000)])
    with db.read() as session:
        statements: list[str] = []
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    began = time.perf_counter()
    assert _of(db, "local").sweeps["running"] == 1
    took = time.perf_counter() - began
    asked = [text for text in statements if text.startswith("SELECT")]
    assert len(asked) == 2
    assert not [text for text in asked if " trials" in text]
    assert took < 0.5
