"""What a Gaussian process learns from: losses as targets, and which trials of many."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STANDARD = NormalDist()
_GROWTH = 1.05


def targets(losses: Sequence[float | None]) -> Array:
    """The losses as targets of mean 0 and variance 1, smaller being better.

    The half that is worse than the median says little about the optimum and holds the outliers:
    it keeps its order only and is laid out as the bad half of a normal distribution, as wide as
    the good half is (the half-rank warping of Song et al., *The Vizier Gaussian Process Bandit
    Algorithm*, 2024, arXiv 2408.11527). A failure is as bad as the worst.

    Args:
        losses: of the finished trials, finite, or None for one that failed; at least one finite.
    """
    known = np.array([loss is not None for loss in losses], dtype=bool)
    warped = np.zeros(len(losses))
    warped[known] = _warped(np.array([loss for loss in losses if loss is not None]))
    warped[~known] = max(float(warped[known].max()), 1.0)
    centred = warped - warped.mean()
    spread = centred.std()
    return np.asarray(centred / spread if spread > 0 else centred, dtype=np.float64)


def _warped(losses: Array) -> Array:
    """The distance from the median in units of the good half's, with ranks in the bad half."""
    largest = np.abs(losses).max()
    scaled = losses / largest if largest > 0 else losses * 0.0
    away = scaled - np.median(scaled)
    good = away <= 0
    furthest = -away.min()
    if furthest <= 0:
        return np.where(good, 0.0, 1.0)
    away = away / furthest
    spread = np.sqrt(np.mean(away[good] ** 2))
    ranks = np.searchsorted(np.sort(away), away, side="left")
    quantiles = {rank: _STANDARD.inv_cdf((rank + 0.5) / len(away)) for rank in set(ranks.tolist())}
    bad = np.array([max(quantiles[rank], 0.0) for rank in ranks.tolist()])
    return np.where(good, away / spread, bad)


def learnt_size(count: int) -> int:
    """The last of a growing series of sizes that is not above `count`; from 20 on in steps of 5 %.

    Hyperparameters that are fitted to so many trials serve until the next size is reached.
    """
    size = 1
    while (larger := max(size + 1, int(size * _GROWTH))) <= count:
        size = larger
    return size


def chosen(wanted: Array, most: int) -> NDArray[np.intp]:
    """The places, ascending, of no more than `most` trials: the best, the latest and some others.

    Args:
        wanted: the targets in the order in which the trials ended.
        most: at least 4.
    """
    count = len(wanted)
    if count <= most:
        return np.arange(count)
    taken = np.zeros(count, dtype=bool)
    taken[np.argsort(wanted, kind="stable")[: most // 2]] = True
    taken[-(most // 4) :] = True
    others = np.flatnonzero(~taken)
    missing = most - int(taken.sum())
    taken[others[np.linspace(0, len(others) - 1, missing).astype(int)]] = True
    return np.flatnonzero(taken)
