import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats

from app.search.draw import dimensions, grid_point, parameters_at
from app.sweep.branches import branch_values
from app.sweep.search_space import SearchSpace, cardinality

SPACE = TypeAdapter(dict[str, object])
BOUNDS = st.floats(-200, 200, allow_nan=False).flatmap(
    lambda low: st.tuples(st.just(low), st.floats(low + 0.01, low + 100))
)
STEPS = st.sampled_from([1, 2, 5, 10.0, 0.1, 0.25, 0.5, 1e-3])
UNIT = st.floats(0, 1, exclude_max=True)


def space_of(body: Mapping[str, object]) -> SearchSpace:
    """A search space from its JSON form."""
    return TypeAdapter(SearchSpace).validate_python(body)


def draw(expression: Mapping[str, object], u: float, base: float = math.e) -> object:
    """The value of a single expression at u."""
    return parameters_at(space_of({"x": expression}), [u], base)["x"]


@given(BOUNDS, UNIT)
def test_uniform_stays_between_its_bounds(bounds: tuple[float, float], u: float) -> None:
    """Every draw lies in [min_value, max_value]."""
    low, high = bounds
    value = draw({"type": "uniform", "min_value": low, "max_value": high}, u)
    assert isinstance(value, float)
    assert low <= value <= high


@given(BOUNDS, STEPS, UNIT)
def test_quniform_is_a_multiple_of_q(bounds: tuple[float, float], q: float, u: float) -> None:
    """Multiples of q that leave the bounds by no more than the rounding; ints if q is integral."""
    low, high = bounds
    value = draw({"type": "quniform", "min_value": low, "max_value": high, "q": q}, u)
    assert isinstance(value, int if float(q).is_integer() else float)
    assert low - q / 2 - 1e-9 <= value <= high + q / 2 + 1e-9
    assert abs(value / q - round(value / q)) < 1e-6


@given(st.integers(-1000, 1000))
def test_quantised_decimals_are_exact(steps: int) -> None:
    """A q of 0.1 gives 0.3 and never 0.30000000000000004."""
    middle = steps / 10
    value = draw(
        {"type": "quniform", "min_value": middle - 1e-9, "max_value": middle + 1e-9, "q": 0.1}, 0.5
    )
    assert value == float(f"{middle:.1f}")
    assert len(str(value)) <= len("-100.0")


@given(st.integers(1, 10**6), UNIT)
def test_randint_is_below_upper(upper: int, u: float) -> None:
    """An integer in [0, upper)."""
    value = draw({"type": "randint", "upper": upper}, u)
    assert isinstance(value, int)
    assert 0 <= value < upper


@given(
    st.sampled_from(["normal", "qnormal", "lognormal", "qlognormal"]),
    st.floats(-5, 5),
    st.floats(0.01, 3),
    st.floats(0, 1),
)
def test_normal_family_is_finite_everywhere(kind: str, mu: float, sigma: float, u: float) -> None:
    """The edges of the unit interval give finite values, and the log kinds are not negative."""
    q = {"q": 0.5} if kind.startswith("q") else {}
    value = draw({"type": kind, "mu": mu, "sigma": sigma, **q}, u)
    assert isinstance(value, float)
    assert math.isfinite(value)
    assert value >= 0 or "log" not in kind


@given(st.lists(st.integers(-5, 5) | st.text(max_size=3) | st.booleans(), min_size=1), UNIT)
def test_choice_gives_one_of_its_values(values: list[object], u: float) -> None:
    """The value has the type and the spelling that the document gave it."""
    value = draw({"type": "choice", "values": values}, u)
    assert any(
        value is given or (value == given and type(value) is type(given)) for given in values
    )


def sample(expression: Mapping[str, object], base: float = math.e) -> list[float]:
    """5,000 draws with a fixed seed."""
    points = np.random.default_rng(7).random(5000)
    space = space_of({"x": expression})
    return [float(parameters_at(space, [float(u)], base)["x"]) for u in points]


@pytest.mark.parametrize(
    ("base", "low", "high"), [(math.e, -3.0, 2.0), (10.0, -4.0, -1.0), (2.0, 0.0, 8.0)]
)
def test_loguniform_is_uniform_in_its_logarithm(base: float, low: float, high: float) -> None:
    """Kolmogorov and Smirnov see log_b of the draws as U(min, max)."""
    drawn = sample({"type": "loguniform", "min_value": low, "max_value": high}, base)
    logs = [math.log(value) / math.log(base) for value in drawn]
    assert stats.kstest(logs, stats.uniform(low, high - low).cdf).pvalue > 0.01


def test_normal_and_lognormal_have_their_distribution() -> None:
    """N(mu, sigma) and exp N(mu, sigma), by the same test."""
    normal = sample({"type": "normal", "mu": -2, "sigma": 3})
    logs = [math.log(v) for v in sample({"type": "lognormal", "mu": -2, "sigma": 3})]
    for drawn in (normal, logs):
        assert stats.kstest(drawn, stats.norm(-2, 3).cdf).pvalue > 0.01


def test_qloguniform_follows_its_distribution() -> None:
    """The share of each multiple is the probability of its cell."""
    drawn = sample({"type": "qloguniform", "min_value": 0, "max_value": math.log(16), "q": 1})
    for step in range(1, 17):
        low, high = max(step - 0.5, 1), min(step + 0.5, 16)
        expected = 5000 * (math.log(high) - math.log(low)) / math.log(16)
        assert abs(drawn.count(step) - expected) < 6 * math.sqrt(expected) + 6


BRANCHED = {
    "lr": {"type": "choice", "values": [1, 2]},
    "model": {
        "type": "choice",
        "values": [
            {"kind": "forest", "trees": {"type": "choice", "values": [10, 20]}},
            {"kind": "knn", "k": {"type": "choice", "values": [1, 3, 5]}, "p": 2},
        ],
    },
}


def test_grid_is_the_product_each_point_once_first_slowest() -> None:
    """The order is that of nested loops over the document; then it is exhausted."""
    space = space_of(BRANCHED)
    points = [grid_point(space, place) for place in range(10)]
    expected = [
        {"lr": lr, **branch}
        for lr in (1, 2)
        for branch in (
            {"kind": "forest", "trees": 10},
            {"kind": "forest", "trees": 20},
            {"kind": "knn", "k": 1, "p": 2},
            {"kind": "knn", "k": 3, "p": 2},
            {"kind": "knn", "k": 5, "p": 2},
        )
    ]
    assert points == expected
    assert grid_point(space, 10) is None


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,3}", fullmatch=True),
        st.lists(st.integers(0, 3) | st.sampled_from([1.0, True, "1"]), min_size=1, max_size=5),
        min_size=1,
        max_size=3,
    )
)
def test_grid_has_as_many_points_as_the_space(values: dict[str, list[object]]) -> None:
    """As many different points as `cardinality` says, 1, 1.0, true and "1" being four values."""
    space = space_of({name: {"type": "choice", "values": v} for name, v in values.items()})
    size = cardinality(space)
    assert size is not None
    points = {repr(grid_point(space, place)) for place in range(size)}
    assert len(points) == size
    assert grid_point(space, size) is None


@given(st.lists(UNIT, min_size=4, max_size=4))
def test_only_the_drawn_branch_is_active(point: list[float]) -> None:
    """A point has one branch's hyperparameters and constants, and names that branch again."""
    space = space_of(BRANCHED)
    assert dimensions(space) == len(point)
    drawn = parameters_at(space, point, math.e)
    forest = {"lr", "kind", "trees"}
    assert set(drawn) in (forest, {"lr", "kind", "k", "p"})
    branch = branch_values(space, "model", drawn)
    assert branch == {name: value for name, value in drawn.items() if name != "lr"}


def test_no_branch_without_its_hyperparameters() -> None:
    """Parameters of another space have no branch."""
    assert branch_values(space_of(BRANCHED), "model", {"lr": 1}) is None
    assert branch_values(space_of(BRANCHED), "lr", {"lr": 1}) is None
