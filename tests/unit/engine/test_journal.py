"""The engine's records: whole lines, read from any offset, whatever a crash left behind."""

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.journal import Entry, Journal, read
from app.engine.sweep_state import SweepState
from app.sweep.state import Decision, Metric, SweepStatus, Trial

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def _metric(value: float, interval: int = 1) -> Entry:
    return Entry(
        metric=Metric(
            trial=0,
            attempt=1,
            name="m",
            interval=interval,
            step=0,
            value=value,
            recorded_at=AT,
        )
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Values keep their types: 1 stays an integer, 1.0 a float, true a boolean."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    parameters: dict[str, bool | float | str] = {"a": 1, "b": 1.0, "c": True, "d": "1", "e": -0.1}
    entries = [
        Entry(sweep=SweepState(status=SweepStatus.RUNNING, started_at=AT, elapsed_seconds=1.5)),
        Entry(trial=Trial(number=3, parameters=parameters, queued_at=AT)),
    ]
    for entry in entries:
        journal.append(entry)
    journal.close()
    found, offset, more = read(path)
    assert list(found) == entries
    trial = found[1].trial
    assert trial is not None
    assert [type(value) for value in trial.parameters.values()] == [int, float, bool, str, float]
    assert offset == path.stat().st_size
    assert not more


def test_a_decision_with_nothing_to_compare_is_read_back(tmp_path: Path) -> None:
    """The first trial of a truncation selection has no threshold."""
    decision = Decision(
        trial=0,
        attempt=1,
        interval=1,
        policy="truncation_selection",
        value=1.0,
        threshold=None,
        compared={0: 1.0},
        verdict="continue",
        reason="interval 1: goes on",
        recorded_at=AT,
    )
    journal = Journal(tmp_path / "j")
    journal.append(Entry(decision=decision))
    journal.close()
    assert read(tmp_path / "j")[0] == [Entry(decision=decision)]


def test_values_that_are_not_finite_survive(tmp_path: Path) -> None:
    """NaN and both infinities come back as what they were."""
    journal = Journal(tmp_path / "j")
    for value in (math.nan, math.inf, -math.inf):
        journal.append(_metric(value))
    journal.close()
    values = [entry.metric.value for entry in read(tmp_path / "j")[0] if entry.metric]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def test_nothing_is_visible_before_the_flush(tmp_path: Path) -> None:
    """Appending alone writes nothing; flush says whether it wrote."""
    journal = Journal(tmp_path / "j")
    assert not journal.flush()
    journal.append(_metric(1.0))
    assert read(tmp_path / "j")[0] == []
    assert journal.flush()
    assert len(read(tmp_path / "j")[0]) == 1
    journal.close()


def test_a_missing_journal_is_empty(tmp_path: Path) -> None:
    """A sweep whose engine has written nothing yet has no entries."""
    assert read(tmp_path / "none") == ([], 0, False)


@given(cut=st.integers(min_value=1, max_value=120))
def test_a_torn_line_does_not_count(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Cut anywhere, the journal reads as its whole lines, and the next engine goes on after them."""
    path = tmp_path_factory.mktemp("journal") / "j"
    journal = Journal(path)
    for interval in (1, 2, 3):
        journal.append(_metric(0.5, interval))
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    kept, _, _ = read(path)
    assert len(kept) == whole[:-cut].count(b"\n")
    again = Journal(path)
    again.append(_metric(0.25, 9))
    again.close()
    intervals = [entry.metric.interval for entry in read(path)[0] if entry.metric]
    assert intervals == [*range(1, len(kept) + 1), 9]


def test_reading_in_pieces_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """From offset to offset, with a limit that cuts lines, every entry comes once."""
    path = tmp_path / "j"
    journal = Journal(path)
    for interval in range(50):
        journal.append(_metric(0.5, interval))
    journal.close()
    seen: list[int] = []
    offset, more = 0, True
    while more:
        entries, offset, more = read(path, offset, limit=300)
        seen += [entry.metric.interval for entry in entries if entry.metric]
    assert seen == list(range(50))
