import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.stats import norm

from app.search.acquisition import log_improvement
from app.search.gaussian_process import (
    Hyperparameters,
    Posterior,
    fitted,
    negative_log_posterior,
)

CATEGORICAL = np.array([False, True, False])


def data(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points with a code in the middle column, and a smooth function of them."""
    generator = np.random.default_rng(seed)
    features = generator.random((count, 3))
    features[:, 1] = generator.integers(3, size=count)
    targets = np.sin(5 * features[:, 0]) + features[:, 2] ** 2 + 0.3 * (features[:, 1] == 1)
    return features, (targets - targets.mean()) / targets.std()


@settings(deadline=None)
@given(
    st.integers(0, 100),
    st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3),
    st.floats(-1, 1),
    st.floats(-7, -1),
)
def test_the_gradient_is_that_of_finite_differences(
    seed: int, scales: list[float], signal: float, noise: float
) -> None:
    """In length scales, signal and noise, with a column of codes."""
    features, targets = data(seed, 12)
    logs = np.array([*scales, signal, noise])
    _, gradient = negative_log_posterior(logs, features, targets, CATEGORICAL)
    numeric = approx_fprime(
        logs, lambda at: negative_log_posterior(at, features, targets, CATEGORICAL)[0], 1e-6
    )
    assert gradient == pytest.approx(numeric, rel=1e-3, abs=1e-3)


def test_the_slopes_of_a_prediction_are_those_of_finite_differences() -> None:
    """Of the mean and of the deviation; a column of codes has none."""
    features, targets = data(1, 20)
    posterior = Posterior(
        features, targets, CATEGORICAL, Hyperparameters(np.array([0.4, 1.0, 0.7]), 1.3, 1e-3)
    )
    at = np.array([0.31, 1.0, 0.64])
    mean, deviation, mean_slope, deviation_slope = posterior.slope_at(at)
    assert (mean, deviation) == pytest.approx([v[0] for v in posterior.at(at[None, :])], rel=1e-9)
    for index, slope in enumerate((mean_slope, deviation_slope)):
        for column in (0, 2):
            step = np.eye(3)[column] * 1e-6
            up, down = (posterior.at((at + way * step)[None, :])[index][0] for way in (1, -1))
            assert slope[column] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-6)
        assert slope[1] == 0


def test_it_predicts_what_it_has_not_seen() -> None:
    """Closer than a tenth of the spread, with an error of about the size it admits."""
    features, targets = data(2, 120)
    given = fitted(features[:80], targets[:80], CATEGORICAL)
    mean, deviation = Posterior(features[:80], targets[:80], CATEGORICAL, given).at(features[80:])
    errors = mean - targets[80:]
    assert np.sqrt(np.mean(errors**2)) < 0.1
    assert np.mean(np.abs(errors) < 3 * deviation + 0.01) > 0.9


def test_a_column_without_effect_gets_a_long_scale() -> None:
    """Relevance is learnt: the noise column is smoother than the one that matters."""
    generator = np.random.default_rng(4)
    features = generator.random((60, 2))
    targets = np.sin(6 * features[:, 0])
    targets = (targets - targets.mean()) / targets.std()
    scales = fitted(features, targets, np.array([False, False])).scales
    assert scales[1] > 5 * scales[0]


def test_repeated_and_constant_points_do_not_break_it() -> None:
    """Fifty copies of one point with different targets, and fifty with none."""
    features = np.full((50, 2), 0.5)
    categorical = np.array([False, False])
    for targets in (np.linspace(-1, 1, 50), np.zeros(50)):
        given = fitted(features, targets, categorical)
        mean, deviation = Posterior(features, targets, categorical, given).at(features[:1])
        assert abs(mean[0]) < 0.2
        assert math.isfinite(deviation[0])


@settings(deadline=None)
@given(st.floats(-30, 10), st.floats(1e-3, 1e3))
def test_log_improvement_is_the_logarithm_of_the_improvement(z: float, deviation: float) -> None:
    """By the textbook's formula where that is exact."""
    value, chance = log_improvement(np.array(-z * deviation), np.array(deviation), 0.0)
    assert chance == pytest.approx(norm.logcdf(z), rel=1e-9)
    if z > -5:
        textbook = deviation * (z * norm.cdf(z) + norm.pdf(z))
        assert value == pytest.approx(math.log(textbook), rel=1e-6, abs=1e-6)


def test_log_improvement_is_finite_and_rises_far_below_the_best() -> None:
    """Where the improvement itself is 0 in double precision there is still a way up."""
    z = -np.logspace(7, -1, 2000)
    values, _ = log_improvement(-z, np.ones_like(z), 0.0)
    assert np.isfinite(values).all()
    assert (np.diff(values) > 0).all()
