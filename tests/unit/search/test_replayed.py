"""Replaying another policy over recorded reports."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.search.policies import Policy
from app.search.replay import replayed
from app.sweep.early_termination import (
    BanditPolicy,
    MedianStoppingPolicy,
    TruncationSelectionPolicy,
)
from app.sweep.state import Metric, Trial, TrialStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
BANDIT = BanditPolicy(type="bandit", slack_factor=0.5)
POLICIES: list[Policy] = [
    BANDIT,
    MedianStoppingPolicy(type="median_stopping"),
    TruncationSelectionPolicy(type="truncation_selection", truncation_percentage=30),
    TruncationSelectionPolicy(
        type="truncation_selection", truncation_percentage=30, exclude_finished_jobs=True
    ),
]


def sweep(curves: list[list[float]]) -> tuple[list[Trial], list[Metric]]:
    """Trials that began together and reported once a second; they end with their last report."""
    reports = [
        Metric(
            trial=number,
            attempt=1,
            name="loss",
            interval=interval,
            step=0,
            value=value,
            recorded_at=START + timedelta(seconds=interval),
        )
        for number, curve in enumerate(curves)
        for interval, value in enumerate(curve, start=1)
    ]
    trials = [
        Trial(
            number=number,
            status=TrialStatus.COMPLETED,
            objective_value=min(curve),
            started_at=START,
            finished_at=START + timedelta(seconds=len(curve)),
            duration_seconds=float(len(curve)),
        )
        for number, curve in enumerate(curves)
        if curve
    ]
    return trials, sorted(reports, key=lambda report: (report.interval, report.trial))


def test_a_stop_is_told_with_what_it_saves() -> None:
    """Twice the best is more than half as much again: stopped at once, four seconds saved."""
    trials, reports = sweep([[1.0] * 5, [2.0] * 5, [1.4] * 5])
    found = replayed(BANDIT, "minimize", trials, reports)
    (stop,) = found.stops
    assert (stop.trial, stop.decision.interval, stop.saved_seconds) == (1, 1, 4.0)
    assert stop.decision.threshold == 1.5
    assert (found.saved_seconds, found.total_seconds) == (4.0, 15.0)
    assert found.winner is not None
    assert (found.winner.number, found.winner_stopped) == (0, False)
    assert found.evaluations == 11


def test_a_late_bloomer_that_wins_is_told() -> None:
    """The winner begins badly: the policy would have stopped it, and what is left is named."""
    trials, reports = sweep([[1.0, 1.0, 1.0], [3.0, 1.0, 0.1]])
    found = replayed(BANDIT, "minimize", trials, reports)
    assert found.winner_stopped
    assert found.winner is not None
    assert found.best_left is not None
    assert (found.winner.number, found.best_left.number) == (1, 0)


def test_maximising_turns_the_comparison_round() -> None:
    """The small value is stopped; minimising, the large one had nobody to be compared with."""
    trials, reports = sweep([[2.0] * 3, [1.0] * 3])
    assert [s.trial for s in replayed(BANDIT, "maximize", trials, reports).stops] == [1]
    assert replayed(BANDIT, "minimize", trials, reports).stops == []


def test_a_stopped_trial_says_no_more() -> None:
    """What it reported later does not count for the others."""
    trials, reports = sweep([[1.0, 1.0, 1.0], [3.0, 0.1, 0.1], [1.2, 1.2, 1.2]])
    assert [s.trial for s in replayed(BANDIT, "minimize", trials, reports).stops] == [1]


def test_finished_trials_are_left_out_when_the_policy_says_so() -> None:
    """The last of four is the worst; beside trials that still run there is none to compare with."""
    trials, reports = sweep([[0.5], [1.0], [2.0], [3.0]])
    late = START + timedelta(seconds=9)
    reports[3] = replace(reports[3], recorded_at=late)
    trials[3] = replace(trials[3], finished_at=late + timedelta(seconds=1))
    with_all, without = (replayed(policy, "minimize", trials, reports) for policy in POLICIES[2:])
    assert [stop.trial for stop in with_all.stops] == [3]
    assert [stop.trial for stop in without.stops] == []


@given(
    st.lists(st.lists(st.floats(0, 10), min_size=1, max_size=8), min_size=1, max_size=8),
    st.sampled_from(POLICIES),
)
def test_a_replay_adds_up(curves: list[list[float]], policy: Policy) -> None:
    """Each trial stops once at most, time saved is no more than time spent, the rest goes on."""
    trials, reports = sweep(curves)
    found = replayed(policy, "minimize", trials, reports)
    stopped = [stop.trial for stop in found.stops]
    assert len(stopped) == len(set(stopped))
    assert 0 <= found.saved_seconds <= found.total_seconds
    assert found.evaluations <= len(reports)
    assert found.winner_stopped is (found.winner is not None and found.winner.number in stopped)
    if found.best_left is None:
        assert len(stopped) == len(trials)
    else:
        assert found.best_left.number not in stopped
