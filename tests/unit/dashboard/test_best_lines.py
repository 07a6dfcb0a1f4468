"""Best-so-far lines: improvements in the order in which trials ended."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.dashboard.best_lines import BestPoint, best_line
from app.sweep.examples import SEED
from app.sweep.parsing import parse_document
from app.sweep.record import Outcome
from app.sweep.state import Goal, TrialStatus, loss
from app.views.history import history
from app.views.shape import View

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def _trial(
    number: int,
    value: float | None,
    *,
    after: float | None,
    status: TrialStatus = TrialStatus.COMPLETED,
) -> Outcome:
    return Outcome(
        number=number,
        status=status,
        attempt=1,
        objective=value,
        parameters={},
        queued_at=BEGUN,
        started_at=BEGUN,
        finished_at=None if after is None else BEGUN + timedelta(seconds=after),
        duration=after,
    )


def _line(trials: list[Outcome], goal: Goal) -> list[BestPoint]:
    objective = {"primary_metric": "loss", "goal": goal}
    axes, series = history(parse_document({**SEED, "objective": objective}), trials, None)
    return best_line(View(view="history", sweep="any", axes=axes, series=series))


def _told(trials: list[Outcome], goal: Goal = "minimize") -> list[tuple[int, float, float, int]]:
    return [(point.ended, point.seconds, point.value, point.trial) for point in _line(trials, goal)]


def test_trials_count_in_the_order_of_their_ends() -> None:
    """Not in that of their numbers; the line goes on to the last end."""
    trials = [
        _trial(0, 3.0, after=30),
        _trial(1, 5.0, after=10),
        _trial(2, 4.0, after=20),
        _trial(3, 9.0, after=40),
    ]
    assert _told(trials) == [
        (1, 10.0, 5.0, 1),
        (2, 20.0, 4.0, 2),
        (3, 30.0, 3.0, 0),
        (4, 40.0, 3.0, 0),
    ]
    assert _told(trials, "maximize") == [(1, 10.0, 5.0, 1), (4, 40.0, 9.0, 3)]


def test_only_completed_trials_have_a_value_and_all_ends_count() -> None:
    """A stopped trial's best report makes no model; what has not ended is passed over."""
    trials = [
        _trial(0, 0.1, after=5, status=TrialStatus.EARLY_TERMINATED),
        _trial(1, None, after=6, status=TrialStatus.FAILED),
        _trial(2, 2.0, after=7),
        _trial(3, 1.0, after=None, status=TrialStatus.RUNNING),
    ]
    assert _told(trials) == [(3, 7.0, 2.0, 2)]


def test_without_a_completed_trial_there_is_no_line() -> None:
    """There is nothing to draw yet."""
    assert _told([]) == []
    assert _told([_trial(0, 0.1, after=5, status=TrialStatus.CANCELED)]) == []


@given(
    values=st.lists(st.none() | st.floats(-5, 5), max_size=12),
    ends=st.permutations(range(12)),
    goal=st.sampled_from(["minimize", "maximize"]),
)
def test_the_line_only_gets_better_and_ends_at_the_best(
    values: list[float | None], ends: list[int], goal: Goal
) -> None:
    """For any trials; points never go back in count or time."""
    trials = [
        _trial(number, value, after=end)
        for number, (value, end) in enumerate(zip(values, ends, strict=False))
    ]
    line = _line(trials, goal)
    losses = [loss(value, goal) for value in values if value is not None]
    assert [loss(point.value, goal) for point in line[-1:]] == ([min(losses)] if losses else [])
    assert [point.ended for point in line[-1:]] == ([len(values)] if losses else [])
    for before, after in pairwise(line):
        assert loss(after.value, goal) <= loss(before.value, goal)
        assert (before.ended, before.seconds) < (after.ended, after.seconds)
