"""Twenty kills at moments drawn from a fixed seed, as CI runs them."""

from pathlib import Path

import pytest

from tests.chaos.processes import VICTIMS
from tests.chaos.running import Outcome, run

POINTS = 20
SEED = 20


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """See docs/reliability.md; the folder and what happened in it are kept when this fails."""
    outcome = run(tmp_path, points=POINTS, seed=SEED)
    _check(outcome)
    assert sum(outcome.kills[victim] for victim in VICTIMS) == POINTS
    assert outcome.figures["versions"] > 0


@pytest.mark.slow
def test_kills_of_a_service_on_postgresql_lose_nothing(tmp_path: Path) -> None:
    """Each kind of process at least once, the records on a server of their own."""
    _check(run(tmp_path, points=len(VICTIMS), seed=SEED, database="postgresql"))


def _check(outcome: Outcome) -> None:
    assert outcome.violations == []
    assert all(outcome.kills[victim] for victim in VICTIMS)
    assert outcome.figures["interrupted, run again"] > 0
    assert outcome.figures["reports"] > 0
    assert outcome.figures["reports lost"] == outcome.figures["reports doubled"] == 0
