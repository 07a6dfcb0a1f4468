"""Importance: a share, whatever the order of trials and the names of classes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.views.importance import explained, importance, ranks
from tests.unit.views.samples import document, outcome

FIGURES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-100, 100).map(float)), min_size=3, max_size=40
).filter(lambda rows: len({figure for _, figure in rows}) > 1)


def found(space: dict[str, object], rows: list[tuple[dict[str, Any], float]]) -> dict[str, Any]:
    """(importance, correlation) of each hyperparameter."""
    trials = [outcome(n, loss, parameters=drawn) for n, (drawn, loss) in enumerate(rows)]
    _, (series,) = importance(document(space), trials)
    return {str(row[0]): (row[1], row[2]) for row in series.points}


@given(rows=FIGURES, data=st.data())
def test_the_share_depends_on_the_grouping_alone(
    rows: list[tuple[int, float]], data: st.DataObject
) -> None:
    """Not on the order of the trials, nor on how classes are numbered; it is from 0 to 1."""
    share = explained(np.array([c for c, _ in rows]), np.array([f for _, f in rows]))
    assert 0.0 <= share <= 1.0
    shuffled = data.draw(st.permutations(rows))
    names = data.draw(st.permutations(range(5)))
    again = explained(np.array([names[c] for c, _ in shuffled]), np.array([f for _, f in shuffled]))
    assert again == pytest.approx(share, abs=1e-9)


def test_a_figure_that_follows_the_class_is_explained() -> None:
    """Wholly; one that has nothing to do with it is not."""
    draw = np.random.default_rng(3)
    classes = np.repeat(np.arange(4), 100)
    assert explained(classes, classes.astype(float)) == 1.0
    assert explained(classes, draw.normal(size=400)) < 0.02


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_equal_figures_share_their_rank(figures: list[int]) -> None:
    """Ranks add up as if there were no ties, and keep the order."""
    found = ranks([float(figure) for figure in figures])
    assert found.sum() == pytest.approx(len(figures) * (len(figures) - 1) / 2)
    for a, rank_a in zip(figures, found, strict=True):
        for b, rank_b in zip(figures, found, strict=True):
            assert (a < b) == (rank_a < rank_b)


def test_what_matters_comes_first() -> None:
    """With the sign of what it does; texts have no sign."""
    draw = np.random.default_rng(5)
    space: dict[str, object] = {
        "noise": {"type": "uniform", "min_value": 0, "max_value": 1},
        "rate": {"type": "uniform", "min_value": 0, "max_value": 1},
        "kind": {"type": "choice", "values": ["a", "b"]},
    }
    rows = []
    for _ in range(200):
        noise, rate, kind = draw.random(), draw.random(), "ab"[draw.integers(2)]
        drawn = {"noise": noise, "rate": rate, "kind": kind}
        rows.append((drawn, -rate + 0.3 * (kind == "a")))
    result = found(space, rows)
    assert next(iter(result)) == "rate"
    assert result["rate"][0] > 0.7
    assert result["rate"][1] < -0.8
    assert 0.05 < result["kind"][0] < 0.4
    assert result["kind"][1] is None
    assert result["noise"][0] < 0.1


def test_values_that_hardly_repeat_are_put_into_classes() -> None:
    """Numbers by their size; of texts nothing can be said."""
    numbers = list(range(200))
    space: dict[str, object] = {"x": {"type": "choice", "values": numbers}}
    (share, correlation) = found(space, [({"x": n}, float(n)) for n in numbers])["x"]
    assert share > 0.9
    assert correlation == pytest.approx(1.0)
    words = [f"w{n}" for n in numbers]
    spelled: dict[str, object] = {"x": {"type": "choice", "values": words}}
    result = found(spelled, [({"x": word}, float(n)) for n, word in enumerate(words)])
    assert result["x"] == (None, None)


@pytest.mark.parametrize("count", [6, 60])
def test_integers_that_are_one_to_a_float_are_categories(count: int) -> None:
    """They have no correlation, which would not be a number."""
    values = [10**20, 10**20 + 1]
    space: dict[str, object] = {"x": {"type": "choice", "values": values}}
    rows: list[tuple[dict[str, Any], float]] = [({"x": values[n % 2]}, n % 2) for n in range(count)]
    assert found(space, rows)["x"] == (1.0, None)


def test_a_branch_that_fixes_a_value_is_counted_as_a_number() -> None:
    """A rate that one branch draws and the other has fixed is one quantity."""
    draw = np.random.default_rng(1)
    branches = [
        {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}, "net": "a"},
        {"lr": 0.5, "net": "b"},
    ]
    space: dict[str, object] = {"model": {"type": "choice", "values": branches}}
    rows = [({"lr": lr, "net": "a"}, lr) for lr in (draw.random() for _ in range(100))]
    rows += [({"lr": 0.5, "net": "b"}, 0.5) for _ in range(50)]
    assert found(space, rows)["lr"][0] > 0.8


@pytest.mark.parametrize("count", [0, 4])
def test_of_few_trials_nothing_is_said(count: int) -> None:
    """Nor where all have the same value."""
    space: dict[str, object] = {"x": {"type": "choice", "values": [1, 2]}}
    assert found(space, [({"x": n % 2}, float(n)) for n in range(count)])["x"] == (None, None)
    assert found(space, [({"x": 1}, float(n)) for n in range(9)])["x"] == (None, None)


@pytest.mark.parametrize("values", [[1, 10**400], [2**53, 2**53 + 1]])
def test_integers_may_be_of_any_size(values: list[int]) -> None:
    """Those that no float holds have no order here, but are told apart."""
    space: dict[str, object] = {"x": {"type": "choice", "values": values}}
    rows = [({"x": values[n % 2]}, float(n % 2)) for n in range(10)]
    assert found(space, rows)["x"] == (1.0, None)


def test_losses_may_lie_apart_as_far_as_numbers_go() -> None:
    """Their ranks are what counts."""
    space: dict[str, object] = {"x": {"type": "choice", "values": [1, 2]}}
    rows = [({"x": 1 + n % 2}, 1e308 * (1 - 2 * (n % 2))) for n in range(10)]
    assert found(space, rows)["x"] == (1.0, pytest.approx(-1.0))
