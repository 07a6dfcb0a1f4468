"""Records to look at: many sweeps in the list, one of them with many trials and reports.

Written through the store as the tracker writes them, into the database of a data folder.
"""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.store import claims, leases, sweeps
from app.store.database import Database, migrate
from app.sweep.parsing import parse_document
from app.sweep.record import NewSweep
from app.sweep.state import Decision, Metric, SweepSnapshot, SweepStatus, Trial, TrialStatus

BIG = "big"
"""Name of the sweep with many trials."""
_SPACE = {
    "learning_rate": {"type": "loguniform", "min_value": -9.2, "max_value": -0.7},
    "layers": {"type": "randint", "upper": 8},
    "dropout": {"type": "uniform", "min_value": 0.0, "max_value": 0.6},
    "batch_size": {"type": "choice", "values": [16, 32, 64, 128]},
    "optimizer": {"type": "choice", "values": ["adam", "sgd", "rmsprop"]},
}
_BATCH = 50


def fill(data: Path, *, count: int, trials: int, reports: int) -> None:
    """Write `count` small sweeps and one of `trials` trials with `reports` reports each."""
    url = f"sqlite:///{data / 'sweepfront.db'}"
    migrate(url)
    db = Database(url)
    draw = random.Random(7)  # noqa: S311 - figures to look at
    for index in range(count):
        _one(db, f"sweep-{index:04d}", draw, trials=4, reports=1)
    _one(db, BIG, draw, trials=trials, reports=reports)
    db.close()


def _one(db: Database, name: str, draw: random.Random, *, trials: int, reports: int) -> None:
    body = {
        "name": name,
        "experiment_name": f"experiment_{draw.randrange(9)}",
        "trial": {"command": "python train.py --rate ${{search_space.learning_rate}}"},
        "search_space": _SPACE,
        "sampling_algorithm": {"type": "random", "seed": 1},
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "early_termination": {"type": "median_stopping", "evaluation_interval": 1},
        "limits": {"max_total_trials": trials, "max_concurrent_trials": 4},
        "backend": "local",
    }
    document = parse_document(body)
    sweeps.add(db, NewSweep(document=document, document_hash=document.digest()))
    made = [_trial(number, draw) for number in range(trials)]
    for some in _batches(made):
        (claim,) = claims.claim_due(db, "bench", backend="local", limit=1, lease=600)
        done = some[-1] is made[-1]
        snapshot = SweepSnapshot(
            status=SweepStatus.COMPLETED if done else SweepStatus.RUNNING,
            started_at=made[0].started_at,
            finished_at=datetime.now(UTC) if done else None,
            trials=some,
            metrics=[report for trial in some for report in _reports(trial, draw, reports)],
            decisions=[_stop(trial, reports) for trial in some if _stopped(trial)],
            cursor="1",
        )
        leases.apply(db, claim, snapshot, next_look=0.0)


def _trial(number: int, draw: random.Random) -> Trial:
    started = datetime.now(UTC) - timedelta(hours=3) + timedelta(seconds=4 * number)
    took = draw.uniform(6, 16)
    status = draw.choices(
        [TrialStatus.COMPLETED, TrialStatus.EARLY_TERMINATED, TrialStatus.FAILED], [6, 3, 1]
    )[0]
    return Trial(
        number=number,
        status=status,
        status_reason="stopped by median_stopping" if status != "completed" else None,
        parameters={
            "learning_rate": math.exp(draw.uniform(-9.2, -0.7)),
            "layers": draw.randrange(8),
            "dropout": draw.uniform(0, 0.6),
            "batch_size": draw.choice([16, 32, 64, 128]),
            "optimizer": draw.choice(["adam", "sgd", "rmsprop"]),
        },
        exit_code=0,
        queued_at=started,
        started_at=started,
        finished_at=started + timedelta(seconds=took),
        duration_seconds=took,
    )


def _reports(trial: Trial, draw: random.Random, count: int) -> Iterator[Metric]:
    rate = float(trial.parameters["learning_rate"])
    floor = 0.2 + abs(math.log10(rate) + 2.5) * 0.15 + float(trial.parameters["dropout"]) * 0.1
    last = count // 2 if _stopped(trial) else count
    for interval in range(1, max(1, last) + 1):
        yield Metric(
            trial=trial.number,
            attempt=1,
            name="loss",
            interval=interval,
            step=interval,
            value=floor + math.exp(-interval / 40) + draw.gauss(0, 0.01),
            recorded_at=(trial.started_at or datetime.now(UTC)) + timedelta(seconds=interval / 20),
        )


def _stopped(trial: Trial) -> bool:
    return trial.status is TrialStatus.EARLY_TERMINATED


def _stop(trial: Trial, reports: int) -> Decision:
    return Decision(
        trial=trial.number,
        attempt=1,
        interval=max(1, reports // 2),
        policy="median_stopping",
        value=0.9,
        threshold=0.8,
        compared={0: 0.7, 1: 0.8, 2: 0.85},
        verdict="stop",
        reason=f"interval {reports // 2}: 0.9 is worse than 0.8, the median of the others' averages",
        recorded_at=trial.finished_at or datetime.now(UTC),
    )


def _batches(trials: list[Trial]) -> Iterator[list[Trial]]:
    for start in range(0, len(trials), _BATCH):
        yield trials[start : start + _BATCH]
