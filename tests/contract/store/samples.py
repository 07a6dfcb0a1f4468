"""Sweeps, trials and reports to write down."""

from datetime import UTC, datetime, timedelta

from app.store import claims
from app.store.database import Database
from app.sweep.document import SweepDocument
from app.sweep.parsing import parse_document
from app.sweep.record import Claim, ModelVersion, NewSweep
from app.sweep.state import Decision, Metric, SweepSnapshot, SweepStatus, Trial, TrialStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def document(name: str, **changes: object) -> SweepDocument:
    """A complete document."""
    body: dict[str, object] = {
        "name": name,
        "trial": {"command": "python train.py --x ${{search_space.x}}"},
        "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
        "sampling_algorithm": {"type": "random", "seed": 1},
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 4, "max_concurrent_trials": 2},
        "backend": "local",
        **changes,
    }
    return parse_document(body)


def new(name: str, *, key: str | None = None, **changes: object) -> NewSweep:
    """A sweep to write down."""
    made = document(name, **changes)
    return NewSweep(document=made, document_hash=made.digest(), idempotency_key=key)


def trial(number: int, status: TrialStatus = TrialStatus.RUNNING, **changes: object) -> Trial:
    """A trial."""
    values = {"parameters": {"x": number / 10}, "queued_at": NOON, **changes}
    return Trial(number=number, status=status, **values)  # type: ignore[arg-type]


def report(number: int, interval: int, value: float, **changes: object) -> Metric:
    """A report of the primary metric."""
    values: dict[str, object] = {"attempt": 1, "name": "loss", "step": 0, **changes}
    at = NOON + timedelta(seconds=interval)
    return Metric(trial=number, interval=interval, value=value, recorded_at=at, **values)  # type: ignore[arg-type]


def decision(number: int, interval: int) -> Decision:
    """An entry of the ledger."""
    return Decision(
        trial=number,
        attempt=1,
        interval=interval,
        policy="bandit",
        value=float("nan"),
        threshold=2.5,
        compared={0: 2.0, number: float("nan")},
        verdict="stop",
        reason="interval 1: stopped",
        recorded_at=NOON,
    )


def running(*trials: Trial, cursor: str = "1", **changes: object) -> SweepSnapshot:
    """A look at a running sweep."""
    return SweepSnapshot(
        status=SweepStatus.RUNNING,
        started_at=NOON,
        trials=trials,
        cursor=cursor,
        **changes,  # type: ignore[arg-type]
    )


def version(sweep: str, number: int, model: str = "final_model") -> ModelVersion:
    """A model version to write down."""
    return ModelVersion(
        model_name=model,
        version=0,
        sweep=sweep,
        trial=number,
        backend="local",
        provider_version="1",
        artifact_path="outputs/model.pkl",
        uri="file:///model.pkl",
        primary_metric="loss",
        goal="minimize",
        value=1.5,
        parameters={"x": 0.1},
        metrics={"loss": 1.5, "other": float("inf")},
        type="custom_model",
        tags={"sweepfront.sweep": sweep},
        description=None,
        sha256="00",
        gate=None,
        created_at=NOON,
    )


def claim_one(db: Database, name: str, owner: str, *, lease: float) -> Claim | None:
    """Claim one sweep now; None when it has ended or somebody else holds it."""
    taken, _ = claims.claim_announced(db, [name], owner, lease=lease, room={})
    return taken[0] if taken else None
