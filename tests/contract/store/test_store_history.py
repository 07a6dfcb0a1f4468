"""What earlier sweeps tell about a new one."""

from dataclasses import replace

from app.store import history, leases, sweeps
from app.store.database import Database
from app.store.history import USED
from app.sweep.record import Earlier, Predecessor
from app.sweep.state import SweepSnapshot, SweepStatus, TrialStatus
from tests.contract.store.samples import claim_one, document, new, report, trial

COMMAND = document("any").trial.command


def ran(
    db: Database, name: str, code: str | None, reports: int = 3, description: str = "one"
) -> None:
    """A completed sweep of two trials, and of one that failed, with this code."""
    sweeps.add(db, replace(new(name, description=description), code=code))
    claim = claim_one(db, name, "test", lease=60)
    assert claim is not None
    done = TrialStatus.COMPLETED
    snapshot = SweepSnapshot(
        status=SweepStatus.COMPLETED,
        trials=[
            trial(0, done, duration_seconds=2.0, objective_value=1.0),
            trial(1, done, duration_seconds=4.0),
            trial(2, TrialStatus.FAILED, duration_seconds=0.1),
        ],
        metrics=[
            report(number, interval, 1.0)
            for number in (0, 1, 2)
            for interval in range(1, reports + number + 1)
        ],
        cursor="1",
    )
    assert leases.apply(db, claim, snapshot, next_look=1)


def same_document(db: Database, digest: str) -> Predecessor | None:
    """The newest sweep of a document, of code that nobody has."""
    return history.known(db, document_hash=digest, code="", command="", metric="")[1]


def same_code(
    db: Database, code: str | None, command: str = COMMAND, metric: str = "loss"
) -> Earlier:
    """What sweeps of a code have shown, to a document that nobody has."""
    return history.known(db, document_hash="", code=code, command=command, metric=metric)[0]


def test_the_newest_sweep_of_a_document_is_found(db: Database) -> None:
    """By the hash of the document, whatever its name."""
    assert same_document(db, new("a", description="one").document_hash) is None
    ran(db, "a", None)
    ran(db, "b", None)
    ran(db, "other", None, description="another document")
    found = same_document(db, new("c", description="one").document_hash)
    assert found is not None
    assert (found.name, found.status) == ("b", SweepStatus.COMPLETED)


def test_completed_trials_of_the_same_code_count(db: Database) -> None:
    """With their durations and how often they reported; those of other code do not."""
    ran(db, "a", "code-1")
    ran(db, "b", "code-2", reports=9)
    ran(db, "c", None, reports=9)
    found = same_code(db, "code-1")
    assert found.sweeps == ["a"]
    assert sorted(found.durations) == [2.0, 4.0]
    assert sorted(found.reports) == [3, 4]
    assert same_code(db, None).sweeps == ["c"]
    nothing = Earlier()
    assert same_code(db, "code-3") == nothing
    assert same_code(db, "code-1", command="true") == nothing
    assert same_code(db, "code-1", metric="other") == nothing


def test_only_the_newest_sweeps_with_completed_trials_are_read(db: Database) -> None:
    """The newest first; one that has completed none is passed over."""
    for number in range(USED + 2):
        ran(db, f"s{number}", "code", description=str(number))
    sweeps.add(db, replace(new("waiting"), code="code"))
    found = same_code(db, "code")
    assert found.sweeps == [f"s{number}" for number in range(USED + 1, 1, -1)]
    assert len(found.durations) == 2 * USED
