"""The runs of docs/reliability.md in small: some faults of each kind, some seconds of load."""

from functools import partial
from pathlib import Path

import pytest

from tests.faults import azure, database, load
from tests.faults.azure_weather import KINDS

pytestmark = pytest.mark.slow


def test_postgresql_goes_and_comes_back_and_nothing_is_lost(tmp_path: Path) -> None:
    """Each kind of fault; what is refused meanwhile says when to ask again."""
    report = database.run(tmp_path, rounds=len(database.FAULTS), seed=1)
    assert report.violations == []
    assert report.counts["answers 503 with Retry-After"] > 0
    assert report.counts["sweeps accepted"] > 0
    assert report.counts["reports"] > 0


def test_half_a_minute_of_a_misbehaving_azure(tmp_path: Path) -> None:
    """Each kind of misbehaviour; every sweep is one job and completes."""
    trouble = partial(azure.misbehave, seconds=40, phase=4, seed=1)
    report = azure.run(tmp_path, trouble, seconds=40, sweeps=8)
    assert report.violations == []
    assert all(report.counts[f"phases: {kind}"] for kind in KINDS)
    assert report.counts["windows with one attempt"] > 0
    assert report.counts["reports"] > 0


def test_half_a_minute_without_azure(tmp_path: Path) -> None:
    """Sweeps stay as they were and say why; those submitted meanwhile are one job each after it."""
    report = azure.run(tmp_path, partial(azure.away, seconds=30), seconds=30, sweeps=4)
    assert report.violations == []
    assert report.counts["times the sweep was as before, and the service ready"] > 0
    assert report.counts["reports"] > 0


def test_submissions_beside_readers_of_the_events(tmp_path: Path) -> None:
    """Each accepted sweep is stored once, each reader hears each event once, in order."""
    report = load.run(tmp_path, rate=20, seconds=10, readers=50)
    assert report.violations == []
    assert report.counts["readers that heard each event once, in order"] == 50
