"""Where to look next: the point at which the logarithm of the expected improvement is greatest.

Ament et al., *Unexpected Improvements to Expected Improvement for Bayesian Optimization*, 2023
(arXiv 2310.20708): the logarithm has a slope where the improvement itself is numerically 0. The
most promising candidates climb: by slopes in continuous columns, by steps in the others.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.search.candidates import Box
from app.search.encoding import Array, Encoding
from app.search.gaussian_process import Posterior

Accept = Callable[[Array], bool]

_STARTS = 4
_ROUNDS = 3
_CLIMB = 30
_VERY_FAR = -1e5
"""So many deviations away the exact logarithm cancels and its asymptote is as good."""

_APART = 0.1
"""Starts differ by so much of the box in some column."""

_GAIN = 1e-3
"""A round that gains less is the last."""

_EVERY_LEVEL = 16
"""A discrete column with no more levels than this is tried at every one of them."""


def log_improvement(mean: Array, deviation: Array, best: float) -> tuple[Array, Array]:
    """The logarithm of the expected improvement on `best`, and of its normal probability.

    Args:
        mean: of the predictions, smaller being better.
        deviation: of the predictions, positive.
        best: what is to be improved on.

    Returns:
        log E[max(best - f, 0)] and log P[f < best], of the shape of the predictions.
    """
    from scipy.special import erfcx, log_ndtr  # noqa: PLC0415 - heavy

    z = (best - mean) / deviation
    far = np.minimum(z, -1.0)
    density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.log(np.exp(density) + z * np.exp(log_ndtr(z)))
        product = far * erfcx(-far / math.sqrt(2)) * math.sqrt(math.pi / 2)
        tail = np.where(
            far < _VERY_FAR, -2 * np.log(-far), np.log1p(np.maximum(product, -1 + 1e-16))
        )
    value = np.where(z > -1, near, density + tail) + np.log(deviation)
    return value, log_ndtr(z)


class Search:
    """The search for the best point under one posterior."""

    def __init__(
        self,
        encoding: Encoding,
        posterior: Posterior,
        best: float,
        box: Box,
        accept: Accept,
        generator: np.random.Generator,
    ) -> None:
        self._encoding, self._posterior, self._best = encoding, posterior, best
        self._box, self._accept, self._generator = box, accept, generator

    def values(self, points: Array) -> Array:
        """The acquisition at points of the unit cube, shape (points, columns)."""
        mean, deviation = self._posterior.at(self._encoding.features(points))
        return log_improvement(mean, deviation, self._best)[0]

    def best_of(self, candidates: Array) -> Array | None:
        """The best acceptable point found from the candidates; None if none is acceptable."""
        values = self.values(candidates)
        order = np.argsort(-values, kind="stable")
        starts = self._starts(candidates[order])
        if not starts:
            return None
        climbed = [self._climbed(start) for start in starts]
        return max(climbed, key=lambda found: found[1])[0]

    def _starts(self, ordered: Array) -> list[Array]:
        """The best acceptable candidates that are not close to a better one."""
        chosen: list[tuple[Array, Array]] = []
        apart = _APART * self._box.width
        for candidate in ordered:
            features = self._encoding.features(candidate[None, :])[0]
            near = any(np.abs(features - other[1]).max() < apart for other in chosen)
            if not near and self._accept(candidate):
                chosen.append((candidate, features))
            if len(chosen) == _STARTS:
                break
        return [candidate for candidate, _ in chosen]

    def _climbed(self, start: Array) -> tuple[Array, float]:
        """Where a start leads, by slopes in the continuous and by steps in the other columns."""
        point, value = start, float(self.values(start[None, :])[0])
        for _ in range(_ROUNDS):
            before = value
            for move in (self._ascended(point), self._stepped(point)):
                if move is None:
                    continue
                reached = float(self.values(move[None, :])[0])
                if reached > value and self._accept(move):
                    point, value = move, reached
            if value - before < _GAIN:
                break
        return point, value

    def _ascended(self, start: Array) -> Array | None:
        """The top of the slope in the columns that are continuous and active at the start."""
        from scipy.optimize import minimize  # noqa: PLC0415 - heavy

        features = self._encoding.features(start[None, :])[0]
        free = self._encoding.continuous & self._encoding.active(start[None, :])[0]
        if not free.any():
            return None
        low, high = self._box.low[free], self._box.high[free]

        def downhill(values: Array) -> tuple[float, Array]:
            features[free] = values
            mean, deviation, mean_slope, deviation_slope = self._posterior.slope_at(features)
            value, chance = log_improvement(np.array(mean), np.array(deviation), self._best)
            density = -0.5 * ((self._best - mean) / deviation) ** 2 - 0.5 * math.log(2 * math.pi)
            slope = np.exp(density - value) * deviation_slope - np.exp(chance - value) * mean_slope
            return -float(value), -slope[free]

        found = minimize(
            downhill,
            start[free].clip(low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low, high, strict=True)),
            options={"maxiter": _CLIMB, "ftol": 1e-6},
        )
        top = start.copy()
        top[free] = found.x.clip(low, high)
        return top

    def _stepped(self, start: Array) -> Array | None:
        """The best of the points that differ from the start in one discrete column."""
        active = self._encoding.active(start[None, :])[0]
        rows = []
        for place, column in enumerate(self._encoding.columns):
            if column.levels is None or not active[place]:
                continue
            for level in column.levels[self._levels_to_try(column.levels, start[place])]:
                row = start.copy()
                row[place] = level
                rows.append(row)
        if not rows:
            return None
        points = np.array(rows)
        return np.asarray(points[np.argmax(self.values(points))])

    def _levels_to_try(self, levels: Array, at: float) -> NDArray[np.intp]:
        """All of a few levels; of many those beside the present one and some others."""
        count = len(levels)
        if count <= _EVERY_LEVEL:
            return np.arange(count)
        here = int(np.argmin(np.abs(levels - at)))
        others = self._generator.integers(count, size=_EVERY_LEVEL // 2)
        beside = np.clip(here + np.array([-3, -2, -1, 1, 2, 3]), 0, count - 1)
        return np.concatenate([beside, others])
