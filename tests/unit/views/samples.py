"""Sweeps and outcomes to look at."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from app.sweep.document import SweepDocument
from app.sweep.parsing import parse_document
from app.sweep.record import Outcome
from app.sweep.state import TrialStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def document(space: dict[str, object], goal: str = "minimize") -> SweepDocument:
    """A document with that search space."""
    return parse_document(
        {
            "name": "one",
            "trial": {"command": "python train.py"},
            "search_space": space,
            "sampling_algorithm": {"type": "random", "seed": 1},
            "objective": {"primary_metric": "loss", "goal": goal},
            "limits": {"max_total_trials": 4},
        }
    )


def outcome(number: int, objective: float | None = None, **changes: object) -> Outcome:
    """A completed trial."""
    values: dict[str, object] = {
        "status": TrialStatus.COMPLETED,
        "attempt": 1,
        "started_at": NOON + timedelta(seconds=number),
        "finished_at": NOON + timedelta(seconds=number + 1),
        **changes,
    }
    return Outcome(number=number, objective=objective, **values)  # type: ignore[arg-type]


@st.composite
def outcomes(draw: st.DrawFn) -> list[Outcome]:
    """Trials in any state, that started and ended at any time."""
    found = []
    for number in range(draw(st.integers(0, 12))):
        status = draw(st.sampled_from(TrialStatus))
        start = draw(st.integers(0, 50))
        end = start + draw(st.integers(0, 20)) if status.finished else None
        objective = draw(st.none() | st.sampled_from([0.0, 1.0, 2.5, -3.0]))
        found.append(
            outcome(
                number,
                objective,
                status=status,
                started_at=NOON + timedelta(seconds=start),
                finished_at=None if end is None else NOON + timedelta(seconds=end),
            )
        )
    return found
