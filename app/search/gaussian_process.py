"""A Gaussian process with Matérn's 5/2 kernel, one length scale per column, in numpy.

The kernel is k(x, x') = s (1 + √5 r + 5/3 r²) exp(-√5 r) with r² = Σ (d_j / l_j)², where d_j is the
difference of two numbers, or 0 or 1 for two equal or different codes (Hamming's distance). Its
hyperparameters are those of the greatest posterior density (Rasmussen and Williams, *Gaussian
Processes for Machine Learning*, 2006, chapters 2, 4 and 5); the prior of the length scales grows
with the number of columns (Hvarfner, Hellsten and Nardi, ICML 2024, arXiv 2402.02229).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_ROOT5 = math.sqrt(5)
_BOUNDS = {"scale": (1e-2, 1e3), "signal": (5e-2, 20.0), "noise": (1e-6, 1.0)}
_SCALE_SPREAD = math.sqrt(3)
_SIGNAL_SPREAD = 1.0
_NOISE_MEAN, _NOISE_SPREAD = math.log(1e-4), 2.0
_FIRST_SCALES = (0.3, 1.5)
"""The search for the hyperparameters starts once from a rough and once from a smooth model."""

_MOST_STEPS = 40


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What the kernel is made of.

    Attributes:
        scales: the length scale of each column.
        signal: the variance of the process.
        noise: the variance of the noise.
    """

    scales: Array
    signal: float
    noise: float


def fitted(features: Array, targets: Array, categorical: Mask) -> Hyperparameters:
    """The hyperparameters of the greatest posterior density found from two starts.

    Args:
        features: shape (n, columns).
        targets: shape (n,), of mean 0 and variance 1.
        categorical: the columns that hold codes, shape (columns,).
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - heavy

    count = features.shape[1]
    low, high = np.log(
        [*[_BOUNDS["scale"]] * count, _BOUNDS["signal"], _BOUNDS["noise"]], dtype=np.float64
    ).T
    best = None
    for scale in _FIRST_SCALES:
        start = np.array([math.log(scale * math.sqrt(count))] * count + [0.0, math.log(1e-3)])
        found = minimize(
            negative_log_posterior,
            np.clip(start, low, high),
            (features, targets, categorical),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low, high, strict=True)),
            options={"maxiter": _MOST_STEPS, "ftol": 1e-7},
        )
        if best is None or found.fun < best.fun - 1e-6:
            best = found
    logs = best.x if best is not None else np.clip(start, low, high)
    return Hyperparameters(np.exp(logs[:-2]), float(np.exp(logs[-2])), float(np.exp(logs[-1])))


def negative_log_posterior(
    logs: Array, features: Array, targets: Array, categorical: Mask
) -> tuple[float, Array]:
    """The negative logarithm of the posterior density, up to a constant, and its gradient.

    Args:
        logs: the logarithms of the length scales, of the signal and of the noise.
        features: shape (n, columns).
        targets: shape (n,).
        categorical: the columns that hold codes.
    """
    scales, signal, noise = np.exp(logs[:-2]), math.exp(logs[-2]), math.exp(logs[-1])
    root, decay = _decay(features, features, scales, categorical)
    kernel = signal * _matern(root, decay)
    lower, inverse = _factors(kernel, noise)
    weights = inverse @ targets
    likelihood = 0.5 * targets @ weights + np.log(np.diagonal(lower)).sum()

    inner = inverse - np.outer(weights, weights)
    slope = inner * (signal * 5 / 3 * (1 + root) * decay)
    gradient = np.empty_like(logs)
    gradient[:-2] = 0.5 * _spread(slope, features, categorical) / scales**2
    gradient[-2] = 0.5 * np.vdot(inner, kernel)
    gradient[-1] = 0.5 * noise * np.trace(inner)

    means, spreads = _prior(len(scales))
    away = (logs - means) / spreads
    return float(likelihood + 0.5 * away @ away), gradient + away / spreads


def _prior(count: int) -> tuple[Array, Array]:
    """Means and standard deviations of the logarithms of the hyperparameters."""
    mean = math.sqrt(2) + math.log(count) / 2
    means = [mean] * count + [0.0, _NOISE_MEAN]
    return np.array(means), np.array([_SCALE_SPREAD] * count + [_SIGNAL_SPREAD, _NOISE_SPREAD])


def _decay(a: Array, b: Array, scales: Array, categorical: Mask) -> tuple[Array, Array]:
    """√5 r of each pair of rows, and exp(-√5 r)."""
    numbers = ~categorical
    left, right = a[:, numbers] / scales[numbers], b[:, numbers] / scales[numbers]
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2 * left @ right.T
    if a is b:
        np.fill_diagonal(squares, 0.0)
    for column in np.flatnonzero(categorical):
        squares += (a[:, column, None] != b[None, :, column]) / scales[column] ** 2
    root = np.sqrt(5 * np.maximum(squares, 0.0))
    return root, np.exp(-root)


def _matern(root: Array, decay: Array) -> Array:
    return (1 + root + root**2 / 3) * decay


def _factors(kernel: Array, noise: float) -> tuple[Array, Array]:
    """The lower Cholesky factor and the inverse of kernel + noise; jitter if it needs some."""
    from scipy.linalg.lapack import dpotrf, dpotri  # noqa: PLC0415 - heavy

    while True:
        lower, fault = dpotrf(kernel + noise * np.eye(len(kernel)), lower=1, clean=1)
        if not fault:
            break
        noise *= 10
    half, _ = dpotri(lower, lower=1)
    return lower, np.tril(half) + np.tril(half, -1).T


def _spread(weights: Array, features: Array, categorical: Mask) -> Array:
    """Σ over pairs of rows of weight times squared difference, for each column."""
    total = 2 * (weights.sum(1) @ features**2 - (features * (weights @ features)).sum(0))
    for column in np.flatnonzero(categorical):
        codes = features[:, column]
        total[column] = weights[codes[:, None] != codes[None, :]].sum()
    return np.asarray(total, dtype=np.float64)


class Posterior:
    """What the process believes after targets were seen.

    Attributes:
        centre: the mean of the process where nothing is known.
    """

    def __init__(
        self, features: Array, targets: Array, categorical: Mask, given: Hyperparameters
    ) -> None:
        self._features, self._categorical, self._given = features, categorical, given
        self._numbers = ~categorical
        root, decay = _decay(features, features, given.scales, categorical)
        lower, inverse = _factors(given.signal * _matern(root, decay), given.noise)
        self._whitening = _inverse(lower)
        self._weights = inverse @ targets

    def at(self, features: Array) -> tuple[Array, Array]:
        """Mean and standard deviation, without the noise, at each row."""
        root, decay = _decay(features, self._features, self._given.scales, self._categorical)
        kernel = self._given.signal * _matern(root, decay)
        white = kernel @ self._whitening.T
        variance = self._given.signal - np.einsum("ij,ij->i", white, white)
        return kernel @ self._weights, np.sqrt(np.maximum(variance, 1e-12))

    def slope_at(self, features: Array) -> tuple[float, float, Array, Array]:
        """Mean and deviation at one row, and their gradients, which are 0 in columns of codes."""
        row = features[None, :]
        root, decay = _decay(row, self._features, self._given.scales, self._categorical)
        kernel = self._given.signal * _matern(root, decay)[0]
        white = self._whitening @ kernel
        deviation = math.sqrt(max(self._given.signal - white @ white, 1e-12))
        apart = (row - self._features) / self._given.scales**2
        apart[:, self._categorical] = 0.0
        steep = (-5 / 3 * self._given.signal) * ((1 + root) * decay)[0]
        slopes = steep[:, None] * apart
        pull = self._whitening.T @ white
        mean = float(kernel @ self._weights)
        return mean, deviation, self._weights @ slopes, -(pull @ slopes) / deviation


def _inverse(lower: Array) -> Array:
    from scipy.linalg.lapack import dtrtri  # noqa: PLC0415 - heavy

    inverse, _ = dtrtri(lower, lower=1)
    return np.asarray(inverse, dtype=np.float64)
