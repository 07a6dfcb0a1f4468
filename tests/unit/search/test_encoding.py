import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.search.draw import dimensions, parameters_at
from app.search.encoding import INACTIVE, Encoding, coordinates
from app.sweep.search_space import Scalar, SearchSpace

UNIT = st.floats(1e-6, 1 - 1e-6)
BASES = st.sampled_from([math.e, 10.0, 2.0, 0.5])
BOUNDS = st.floats(-20, 20).flatmap(
    lambda low: st.tuples(st.just(low), st.floats(low + 0.01, low + 5))
)
Q = st.sampled_from([1, 2, 10.0, 0.1, 0.25, 1e-3])
MU, SIGMA = st.floats(-3, 3), st.floats(0.01, 2)
VALUES = st.lists(
    st.integers(-5, 5) | st.sampled_from([1.0, 0.0, True, False]) | st.text(max_size=2),
    min_size=1,
    max_size=6,
)


def space_of(body: Mapping[str, object]) -> SearchSpace:
    """A search space from its JSON form."""
    return TypeAdapter(SearchSpace).validate_python(body)


def _ranged(kind: str) -> st.SearchStrategy[dict[str, object]]:
    return st.builds(
        lambda bounds, q: {
            "type": kind,
            "min_value": bounds[0],
            "max_value": bounds[1],
            **({"q": q} if kind.startswith("q") else {}),
        },
        BOUNDS,
        Q,
    )


def _normal(kind: str) -> st.SearchStrategy[dict[str, object]]:
    return st.builds(
        lambda mu, sigma, q: {
            "type": kind,
            "mu": mu,
            "sigma": sigma,
            **({"q": q} if kind.startswith("q") else {}),
        },
        MU,
        SIGMA,
        Q,
    )


FAR = 1e12
"""Beyond it, neighbouring values are nearer than a coordinate tells apart."""
EXPRESSIONS = st.one_of(
    VALUES.map(lambda values: {"type": "choice", "values": values}),
    st.integers(1, 2**40).map(lambda upper: {"type": "randint", "upper": upper}),
    *(_ranged(kind) for kind in ("uniform", "quniform", "loguniform", "qloguniform")),
    *(_normal(kind) for kind in ("normal", "qnormal", "lognormal", "qlognormal")),
)


@settings(deadline=None)
@given(EXPRESSIONS, UNIT, BASES)
def test_coordinates_lead_back_to_the_value(body: dict[str, object], u: float, base: float) -> None:
    """All ten expressions: a discrete value comes back exactly, a continuous one but for rounding."""
    space = space_of({"x": body})
    value = parameters_at(space, [u], base)["x"]
    point = coordinates(space, {"x": value}, base)
    again = parameters_at(space, point, base)["x"]
    assert 0 <= point[0] < 1
    assert type(again) is type(value)
    if body["type"] in {"uniform", "loguniform", "normal", "lognormal"}:
        assert point[0] == pytest.approx(u, abs=1e-9)
        assert again == pytest.approx(value, rel=1e-6, abs=1e-9)
    elif isinstance(value, int | float) and abs(value) > FAR:
        assert again == pytest.approx(value, rel=1 / FAR)
    else:
        assert again == value


@settings(deadline=None)
@given(EXPRESSIONS, UNIT, BASES)
def test_features_are_those_of_the_value_that_is_run(
    body: dict[str, object], u: float, base: float
) -> None:
    """A point and the point of the value it rounds to have one feature, if the values are few."""
    space = space_of({"x": body})
    encoding = Encoding(space, base)
    point = coordinates(space, parameters_at(space, [u], base), base)
    one, two = encoding.features(np.array([[u], point]))[:, 0]
    if encoding.columns[0].levels is not None:
        assert one == pytest.approx(two, abs=1e-3 if "normal" in str(body["type"]) else 1e-9)
    else:
        assert (one, two) == (u, point[0])


def test_numbers_have_an_order_and_texts_have_none() -> None:
    """Numbers are ranked by size wherever they are listed; 1 and true are two values."""
    space = space_of(
        {
            "batch": {"type": "choice", "values": [64, 16, 256, 16]},
            "kind": {"type": "choice", "values": ["a", "b", "a"]},
            "odd": {"type": "choice", "values": [1, True]},
        }
    )
    encoding = Encoding(space, math.e)
    trials: list[dict[str, Scalar]] = [
        {"batch": 16, "kind": "a", "odd": 1},
        {"batch": 64, "kind": "b", "odd": True},
        {"batch": 256, "kind": "a", "odd": True},
    ]
    features = encoding.features(np.array([encoding.point(trial) for trial in trials]))
    assert encoding.categorical.tolist() == [False, True, True]
    assert features[:, 0] == pytest.approx([1 / 6, 3 / 6, 5 / 6])
    assert features[0, 1] == features[2, 1] != features[1, 1]
    assert features[0, 2] != features[1, 2] == features[2, 2]


NESTED = space_of(
    {
        "lr": {"type": "uniform", "min_value": 0, "max_value": 1},
        "model": {
            "type": "choice",
            "values": [
                {"kind": "knn", "k": {"type": "randint", "upper": 9}},
                {
                    "kind": "forest",
                    "depth": {"type": "normal", "mu": 0, "sigma": 1},
                    "growth": {
                        "type": "choice",
                        "values": [
                            {"leaves": {"type": "choice", "values": [3, 5]}},
                            {"leaves": {"type": "choice", "values": [7]}, "extra": True},
                        ],
                    },
                },
            ],
        },
    }
)


@settings(deadline=None)
@given(st.lists(UNIT, min_size=7, max_size=7), st.lists(UNIT, min_size=7, max_size=7))
def test_what_is_not_active_does_not_matter(point: list[float], other: list[float]) -> None:
    """Branches in branches come back, and coordinates of branches not drawn change no feature."""
    assert dimensions(NESTED) == 7
    encoding = Encoding(NESTED, math.e)
    drawn = parameters_at(NESTED, point, math.e)
    back = encoding.point(drawn)
    assert set(parameters_at(NESTED, back, math.e)) == set(drawn)
    active = encoding.active(np.array([point]))[0]
    mixed = [
        mine if use else theirs for mine, theirs, use in zip(point, other, active, strict=True)
    ]
    features = encoding.features(np.array([point, mixed, back]))
    assert features[0] == pytest.approx(features[1])
    assert features[0] == pytest.approx(features[2], abs=1e-9)
    assert all(u == INACTIVE for u, use in zip(back, active, strict=True) if not use)
    assert ("k" in drawn) == bool(active[2])
    assert ("depth" in drawn) == bool(active[3])


@pytest.mark.parametrize(
    "parameters", [{}, {"lr": 0.5}, {"lr": 0.5, "kind": "tree", "k": 3}, {"lr": "x", "k": 3}]
)
def test_parameters_of_another_space_are_refused(parameters: dict[str, object]) -> None:
    """Nothing is guessed for a name or a branch that is not there."""
    with pytest.raises(ValueError, match="not of this search space"):
        coordinates(NESTED, TypeAdapter(dict[str, float | str]).validate_python(parameters), 2.0)


def test_more_multiples_than_a_machine_counts_are_values_without_steps() -> None:
    """A bayesian sampler takes a range of q with more of them than 64 bits hold."""
    wide = {"type": "quniform", "min_value": -5.6e16, "max_value": 1.9e67, "q": 1.05}
    encoding = Encoding(space_of({"x": wide}), 10.0)
    (column,) = encoding.columns
    assert column.levels is None
