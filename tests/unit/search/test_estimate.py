"""The estimate of a duration lies where the duration of such a sweep lies."""

import heapq
import random

from hypothesis import given
from hypothesis import strategies as st

from app.search.estimate import Range, sweep_seconds, trial_seconds

DURATIONS = st.lists(st.floats(0.1, 1000), min_size=1, max_size=50)


def scheduled(durations: list[float], slots: int) -> float:
    """How long it takes when each free slot takes the next trial."""
    free = [0.0] * slots
    for seconds in durations:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


@given(DURATIONS, st.integers(1, 40), st.integers(1, 10))
def test_the_three_figures_are_in_order(
    durations: list[float], trials: int, concurrency: int
) -> None:
    """Low, likely and high; the sweep takes at least as long as its share of the shortest trials."""
    one = trial_seconds(durations)
    whole = sweep_seconds(durations, trials=trials, concurrency=concurrency)
    for found in (one, whole):
        assert 0 < found.low <= found.likely <= found.high
    assert min(durations) <= one.low
    assert one.high <= max(durations)
    assert whole.low >= min(durations) * trials / concurrency * 0.999


def test_equal_trials_take_what_they_take() -> None:
    """Ten trials of 2 s, two at once: 10 s; three, all at once: 2 s."""
    assert sweep_seconds([2.0], trials=10, concurrency=2) == Range(10.0, 10.0, 10.0)
    assert sweep_seconds([2.0], trials=3, concurrency=100) == Range(2.0, 2.0, 2.0)


def test_scheduled_sweeps_mostly_take_as_long_as_estimated() -> None:
    """Of 200 sweeps scheduled at random at least six in ten lie between low and high."""
    source = random.Random(4)  # noqa: S311 - no secret
    durations = [source.lognormvariate(1, 0.6) for _ in range(60)]
    found = sweep_seconds(durations, trials=40, concurrency=4)
    lengths = [scheduled(source.choices(durations, k=40), 4) for _ in range(200)]
    inside = sum(found.low <= length <= found.high for length in lengths)
    assert inside >= 120
    assert abs(sorted(lengths)[100] / found.likely - 1) < 0.1
