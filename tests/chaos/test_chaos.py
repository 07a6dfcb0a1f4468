"""Twenty kills at moments drawn from a fixed seed, as CI runs them."""

from pathlib import Path

import pytest

from tests.chaos.processes import VICTIMS
from tests.chaos.running import run

POINTS = 20
SEED = 20


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """See docs/reliability.md; the folder and what happened in it are kept when this fails."""
    outcome = run(tmp_path, points=POINTS, seed=SEED)
    assert outcome.violations == []
    assert sum(outcome.kills[victim] for victim in VICTIMS) == POINTS
    assert all(outcome.kills[victim] for victim in VICTIMS)
    assert outcome.figures["interrupted, run again"] > 0
    assert outcome.figures["versions"] > 0
