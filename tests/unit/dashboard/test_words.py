"""What the page says: figures, spans of time, decisions, the champion of a model."""

from dataclasses import replace

import pytest

from app.dashboard import formats
from app.dashboard.models_page import champion
from app.dashboard.trial_words import compared, outcome
from app.dashboard.trials_table import as_csv
from app.sweep.state import Trial, TrialStatus
from tests.contract.store.samples import decision, trial, version


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


def test_a_stop_is_explained() -> None:
    """By the two numbers that decided."""
    stopped = trial(3, TrialStatus.EARLY_TERMINATED)
    stop = replace(decision(3, 2), value=9.5, compared={0: 2.0, 1: 3.0})
    said = outcome(stopped, [stop])
    assert said == "Stopped at report 2 by bandit: 9.5 was held against 2.5."
    late = replace(stop, too_late=True)
    assert "had ended by itself" in outcome(trial(3, TrialStatus.COMPLETED), [late])
    assert compared(stop) == "0: 2, 1: 3"
    assert compared(stop, most=1) == "0: 2 and 1 more"


def test_the_champion_is_the_best_of_those_chosen_alike() -> None:
    """A newer one of equal value stands; another metric is not compared."""
    newest = replace(version("c", 0), version=3, value=1.5)
    same = replace(version("b", 0), version=2, value=1.5)
    other = replace(version("a", 0), version=1, value=0.1, primary_metric="error")
    assert champion([newest, same, other]) is newest
    better = replace(same, value=1.4)
    assert champion([newest, better, other]) is better
    assert champion([]) is None


def test_an_export_cannot_be_taken_for_a_formula() -> None:
    """A spreadsheet would run a text that begins with one of these."""
    row = Trial(number=0, parameters={"x": "=1+1", "y": -2}, status_reason="@sum")
    (line,) = as_csv([row], ["x", "y"]).decode().splitlines()[1:]
    assert line == "0,queued,,'=1+1,-2,,1,'@sum"
