"""Histories and timelines: what improved, and who held which slot."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.sweep.record import Outcome
from app.sweep.state import TrialStatus, better
from app.views.history import history
from app.views.timeline import timeline
from tests.unit.views.samples import document, outcome, outcomes

SPACE: dict[str, object] = {"x": {"type": "uniform", "min_value": 0, "max_value": 1}}


@given(trials=outcomes(), goal=st.sampled_from(["minimize", "maximize"]))
def test_the_best_so_far_improves_until_the_best(trials: list[Outcome], goal: str) -> None:
    """Strictly; by number and over time it ends at the same value, that of the sweep's best."""
    sweep = document(SPACE, goal)
    _, (every, by_number, over_time) = history(sweep, trials, None)
    assert len(every.points) == len(trials)
    able = [t for t in trials if t.status is TrialStatus.COMPLETED and t.objective is not None]
    for series in (by_number, over_time):
        values = [float(row[1] or 0) for row in series.points]
        for before, after in pairwise(values):
            assert better(after, before, sweep.objective.goal)
        assert bool(values) == bool(able)
        if able:
            best = (min if goal == "minimize" else max)(t.objective or 0.0 for t in able)
            assert values[-1] == best
    numbers = [row[0] for row in by_number.points]
    assert numbers == sorted(numbers)  # type: ignore[type-var]  # numbers are integers
    ended = [row[3] for row in over_time.points]
    assert ended == sorted(ended)  # type: ignore[type-var]


def test_changes_limit_the_trials_alone() -> None:
    """What sums them up is whole."""
    trials = [outcome(0, 2.0), outcome(1, 1.0)]
    _, (every, best, _) = history(document(SPACE), trials, {1})
    assert [row[0] for row in every.points] == [1]
    assert [row[0] for row in best.points] == [0, 1]


@given(trials=outcomes())
def test_slots_are_held_by_one_trial_at_a_time(trials: list[Outcome]) -> None:
    """And there are no more than trials ran at once."""
    _, (series,) = timeline(trials)
    slot = {row[1]: row[0] for row in series.points}
    assert len(slot) == len(trials)

    def runs(trial: Outcome, at: object) -> bool:
        end = trial.finished_at
        return trial.started_at <= at and (end is None or at < end)  # type: ignore[operator]

    for trial in trials:
        others = [t for t in trials if t is not trial and runs(t, trial.started_at)]
        if runs(trial, trial.started_at):
            assert slot[trial.number] not in {slot[t.number] for t in others}
        assert int(slot[trial.number] or 0) <= len(others)
