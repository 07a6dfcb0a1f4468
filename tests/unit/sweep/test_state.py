"""States and their moves; which trial is best."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sweep.state import (
    Goal,
    Metric,
    ObjectiveStatus,
    SweepStatus,
    Trial,
    TrialStatus,
    best_trial,
    better,
    with_reports,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = st.lists(st.floats(), max_size=8)
GOALS = st.sampled_from(["minimize", "maximize"])


def _reported(values: list[float], goal: Goal, status: TrialStatus) -> Trial:
    reports = [
        Metric(trial=0, attempt=1, name="m", interval=n, step=0, value=value, recorded_at=AT)
        for n, value in enumerate(values, start=1)
    ]
    return with_reports(Trial(number=0, status=status), reports, "m", goal)


@given(values=VALUES, goal=GOALS)
def test_the_objective_is_the_best_finite_report(values: list[float], goal: Goal) -> None:
    """The last value is shown beside it; what is missing or not finite is said."""
    trial = _reported(values, goal, TrialStatus.COMPLETED)
    finite = [value for value in values if math.isfinite(value)]
    choose = min if goal == "minimize" else max
    assert trial.objective_value == (choose(finite) if finite else None)
    expected = ObjectiveStatus.NOT_FINITE if values else ObjectiveStatus.MISSING
    assert trial.objective_status == (ObjectiveStatus.REPORTED if finite else expected)
    if values:
        assert repr(trial.last_value) == repr(values[-1])


def test_a_running_trial_without_reports_is_pending() -> None:
    """Nothing is missing before the end."""
    assert _reported([], "minimize", TrialStatus.RUNNING).objective_status == "pending"


@given(
    trials=st.lists(st.tuples(st.sampled_from(TrialStatus), st.none() | st.integers(-3, 3))),
    goal=GOALS,
)
def test_only_completed_trials_are_best_and_ties_go_to_the_lower_number(
    trials: list[tuple[TrialStatus, int | None]], goal: Goal
) -> None:
    """Against a plain search."""
    made = [
        Trial(number=n, status=status, objective_value=value)
        for n, (status, value) in enumerate(trials)
    ]
    best = best_trial(reversed(made), goal)
    able = [t for t in made if t.status is TrialStatus.COMPLETED and t.objective_value is not None]
    if best is None:
        assert not able
        return
    assert best in able
    for other in able:
        assert not better(other.objective_value or 0.0, best.objective_value or 0.0, goal)
        if other.objective_value == best.objective_value:
            assert best.number <= other.number


@pytest.mark.parametrize("status", list(SweepStatus))
def test_finished_states_are_final(status: SweepStatus) -> None:
    """They become nothing else, and no state goes back."""
    for new in SweepStatus:
        if status.finished and new is not status:
            assert not status.may_become(new)
    assert not status.may_become(SweepStatus.SUBMITTING) or status is SweepStatus.SUBMITTING
    assert status.may_become(status)


def test_a_finished_sweep_runs_again_on_request_only() -> None:
    """And becomes nothing else."""
    finished = [status for status in SweepStatus if status.finished]
    for status in finished:
        assert not status.may_become(SweepStatus.RUNNING)
        assert status.may_become(SweepStatus.RUNNING, on_request=True)
        others = set(SweepStatus) - {status, SweepStatus.RUNNING}
        assert not [new for new in others if status.may_become(new, on_request=True)]
