"""What the page says: figures, spans of time, exports."""

import pytest

from app.dashboard import formats
from app.dashboard.trials_table import as_csv
from app.sweep.state import Trial, TrialStatus


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (61, "1 min 1 s"), (3700, "1 h 1 min")],
)
def test_spans_are_told_in_two_units(seconds: float, words: str) -> None:
    """Tenths only where they matter."""
    assert formats.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (2**31, "2.0 GiB")],
)
def test_sizes_are_told_in_a_fitting_unit(count: int, words: str) -> None:
    """Powers of 1024."""
    assert formats.size(count) == words


def test_progress_shares_the_bar_among_the_states() -> None:
    """What has not been drawn yet is left free; the words say the same."""
    bar = formats.progress({TrialStatus.COMPLETED: 1, TrialStatus.FAILED: 1}, 4)
    assert bar.count("width:25.00%") == 2
    assert 'aria-label="2 of 4 trials ended: 1 completed, 1 failed"' in bar


def test_an_export_cannot_be_taken_for_a_formula() -> None:
    """A spreadsheet would run a text that begins with one of these."""
    row = Trial(number=0, parameters={"x": "=1+1", "y": -2}, status_reason="@sum")
    (line,) = as_csv([row], ["x", "y"]).decode().splitlines()[1:]
    assert line == "0,queued,,'=1+1,-2,,1,'@sum"
