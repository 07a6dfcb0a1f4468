"""Learning curves: fewer points that keep what matters, and where a trial was stopped."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.sweep.state import TrialStatus
from app.views.curves import curve, learning_curves, thinned
from tests.contract.store.samples import decision
from tests.unit.views.samples import NOON, document, outcome

SPACE: dict[str, object] = {"x": {"type": "uniform", "min_value": 0, "max_value": 1}}


@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), points=st.integers(2, 40))
def test_thinning_keeps_the_ends_and_the_extremes(values: list[float], points: int) -> None:
    """Of a long curve about as many as asked for, in order; of a short one all."""
    y = np.array(values)
    kept = thinned(np.arange(len(y), dtype=float), y, points).tolist()
    assert kept == sorted(set(kept))
    if len(values) <= points:
        assert kept == list(range(len(values)))
        return
    assert {0, len(values) - 1} <= set(kept)
    assert len(kept) <= points + 2
    assert {min(values), max(values)} <= {values[place] for place in kept}


def test_a_curve_has_no_place_for_what_is_not_finite() -> None:
    """It is left out; the others keep their reports' numbers and times."""
    times = [NOON.timestamp() + n for n in (1, 2, 3)]
    rows = curve((1, 2, 3), (10, 20, 30), (0.5, math.nan, math.inf), times, NOON, 100)
    assert rows == [(10, 0.5, 1, 1.0)]
    assert curve((1,), (0,), (math.nan,), times, NOON, 100) == []
    assert curve((1,), (0,), (2.0,), times, None, 100) == [(0, 2.0, 1, None)]


def test_a_stop_is_marked_with_what_decided() -> None:
    """At the step of the report that was judged."""
    stopped = outcome(3, 0.5, status=TrialStatus.EARLY_TERMINATED)
    rows = [(10, 1.0, 1, 0.1), (20, 0.9, 2, 0.2)]
    stop = decision(3, 2)
    _, (series,) = learning_curves(document(SPACE), "loss", [stopped], {3: rows}, {3: stop}, None)
    (mark,) = series.marks
    assert (mark["interval"], mark["step"], mark["threshold"]) == (2, 20, 2.5)
    assert (series.trial, series.status) == (3, TrialStatus.EARLY_TERMINATED)


def test_a_changed_trial_without_reports_has_an_empty_curve() -> None:
    """So that whoever merges forgets the one of the attempt before."""
    trials = [outcome(0), outcome(1)]
    rows = [(0, 1.0, 1, 0.1)]
    _, series = learning_curves(document(SPACE), "loss", trials, {1: rows}, {}, {0})
    assert [(each.trial, list(each.points)) for each in series] == [(0, [])]
    _, series = learning_curves(document(SPACE), "loss", trials, {1: rows}, {}, None)
    assert [each.trial for each in series] == [1]
