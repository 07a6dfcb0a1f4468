"""Candidates for the next trial: all over the space, or near the best trial.

Two trials of three are looked for in a trust region (Eriksson et al., *Scalable Global Optimization
via Local Bayesian Optimization*, 2019, arXiv 1910.01739): a box around the best trial that doubles
after a row of improvements and halves after a row of failures. The third looks everywhere, so
that no local optimum holds the sampler.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.search.encoding import LAST, Array

_WIDE = 0.8
_NARROW = 0.5**7
"""A box of this width has found its optimum; the next starts wide again."""

_IMPROVEMENT = 1e-3
"""Of a target that counts as one; targets have the variance 1."""

_ROW_OF_SUCCESSES = 3
_PARDONED = 3
"""As many failures in between do not end a row of improvements."""

_ANYWHERE = 512
_KEPT = 0.5
"""How often a candidate in the trust region has the best trial's category."""

_AROUND = 384
_CENTRES = 5
_STRETCH = 3.0


@dataclass(frozen=True, slots=True)
class Box:
    """Where to look.

    Attributes:
        low: the least coordinate in each column.
        high: the greatest.
        centre: the best trial, if the box is around it.
    """

    low: Array
    high: Array
    centre: Array | None = None

    @property
    def width(self) -> float:
        """The longest edge."""
        return float((self.high - self.low).max())


def everywhere(columns: int) -> Box:
    """The whole unit cube."""
    return Box(np.zeros(columns), np.full(columns, LAST))


def trusted(targets: Array, centre: Array, scales: Array, categorical: NDArray[np.bool_]) -> Box:
    """The trust region.

    Args:
        targets: of all finished trials in the order in which they ended, smaller being better.
        centre: the coordinates of the best one.
        scales: the model's length scales: the box is longer where the function is smoother.
        categorical: columns without order, in which the box is the whole space.
    """
    logs = np.log(scales)
    numbers = ~categorical
    typical = logs[numbers].mean() if numbers.any() else 0.0
    edges = trusted_width(targets, len(centre)) * np.exp(logs - typical).clip(
        1 / _STRETCH, _STRETCH
    )
    whole = everywhere(len(centre))
    low = np.where(categorical, whole.low, np.maximum(centre - edges / 2, whole.low))
    high = np.where(categorical, whole.high, np.minimum(centre + edges / 2, whole.high))
    return Box(low, high, centre)


def trusted_width(targets: Array, columns: int) -> float:
    """The width that the trust region has after these trials: a fold over all of them."""
    width, best = _WIDE, np.inf
    successes = failures = 0
    patience = 1.5 * max(4, columns)
    for target in targets:
        if target < best - _IMPROVEMENT:
            successes, failures = successes + 1, 0
        else:
            failures += 1
            successes = successes if failures <= _PARDONED else 0
        best = min(best, target)
        if successes == _ROW_OF_SUCCESSES:
            width, successes = min(2 * width, 2 * _WIDE), 0
        if failures >= patience:
            width, failures = width / 2, 0
        if width < _NARROW:
            width = _WIDE
    return width


def drawn(
    box: Box, best: Array, categorical: NDArray[np.bool_], generator: np.random.Generator
) -> Array:
    """Coordinates of candidates.

    Args:
        box: where to look.
        best: the coordinates of finished trials, the best first, shape (trials, columns).
        categorical: columns without order.
        generator: makes the same candidates of the same state.

    Returns:
        Shape (candidates, columns): some evenly distributed in the box, and some that differ from
        one of the best in a few columns, by steps of all sizes.
    """
    columns = len(box.low)
    inside = box.low + (box.high - box.low) * generator.random((_ANYWHERE, columns))
    if box.centre is not None:
        kept = categorical & (generator.random(inside.shape) < _KEPT)
        inside = np.where(kept, box.centre, inside)
    centres = best[: 1 if box.centre is not None else _CENTRES]
    rows = np.repeat(centres, _AROUND // len(centres), axis=0)
    widths = 10 ** generator.uniform(-3, -0.3, (len(rows), 1))
    moved = rows + widths * generator.standard_normal(rows.shape)
    moved = np.where(categorical, generator.random(rows.shape), moved)
    few = generator.random(rows.shape) < min(0.5, max(2, columns / 10) / max(columns, 4))
    around = np.where(few, moved, rows).clip(box.low, box.high)
    return np.concatenate([inside, around])
