"""How long a sweep may take, from how long trials of the same code took."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 200
_LOW, _HIGH = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Range:
    """Seconds: the tenth percentile, the median and the ninetieth percentile."""

    low: float
    likely: float
    high: float


def trial_seconds(durations: Sequence[float]) -> Range:
    """How long one trial takes, from the durations of earlier ones (at least one)."""
    return _range(np.asarray(durations))


def sweep_seconds(durations: Sequence[float], *, trials: int, concurrency: int) -> Range:
    """How long a sweep takes whose trials last as long as earlier ones did.

    Many imagined sweeps draw their trials' durations from the earlier ones; in each, a slot that
    is free takes the next trial.

    Args:
        durations: seconds of earlier trials, at least one.
        trials: how many the sweep runs.
        concurrency: how many of them at once.
    """
    generator = np.random.default_rng(0)
    drawn = generator.choice(np.asarray(durations), size=(trials, RESAMPLES))
    free_at = np.zeros((RESAMPLES, min(concurrency, trials)))
    every = np.arange(RESAMPLES)
    for seconds in drawn:
        free_at[every, free_at.argmin(axis=1)] += seconds
    return _range(free_at.max(axis=1))


def _range(seconds: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Range:
    low, likely, high = np.quantile(seconds, [_LOW, 0.5, _HIGH])
    return Range(float(low), float(likely), float(high))
