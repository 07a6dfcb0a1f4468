"""Axes: how every expression is drawn, and names that do not collide."""

import math

import pytest

from app.sweep.state import TrialStatus
from app.views.axes import hyperparameters, objective
from app.views.relations import parallel_coordinates, slices
from tests.unit.views.samples import document, outcome


@pytest.mark.parametrize(
    ("expression", "scale", "domain"),
    [
        ({"type": "randint", "upper": 8}, "linear", [0, 7]),
        ({"type": "uniform", "min_value": -1, "max_value": 2.5}, "linear", [-1, 2.5]),
        ({"type": "quniform", "min_value": 0, "max_value": 1, "q": 0.25}, "linear", [0, 1]),
        ({"type": "quniform", "min_value": 0, "max_value": 0.9, "q": 0.1}, "linear", [0, 0.9]),
        ({"type": "loguniform", "min_value": -2, "max_value": 0}, "log", [math.exp(-2), 1]),
        ({"type": "qloguniform", "min_value": 0, "max_value": 3, "q": 1}, "log", [1, 20]),
        ({"type": "qloguniform", "min_value": -5, "max_value": 3, "q": 1}, "linear", [0, 20]),
        ({"type": "normal", "mu": 0, "sigma": 1}, "linear", None),
        ({"type": "lognormal", "mu": 0, "sigma": 1}, "log", None),
        ({"type": "qlognormal", "mu": 0, "sigma": 1, "q": 1}, "linear", None),
    ],
)
def test_ranges_are_numbers(
    expression: dict[str, object], scale: str, domain: list[float] | None
) -> None:
    """On a logarithmic scale where zero cannot be drawn and sizes matter."""
    (axis,) = hyperparameters(document({"x": expression}))
    assert (axis.name, axis.label, axis.type) == ("parameters.x", "x", "number")
    assert axis.scale == scale
    assert axis.domain == (None if domain is None else pytest.approx(domain))


def test_choices_are_categories() -> None:
    """In the document's order; those of branches together."""
    branches = [{"net": "a", "depth": {"type": "choice", "values": [3, 1]}}, {"net": "b"}]
    space: dict[str, object] = {
        "model": {"type": "choice", "values": branches},
        "size": {"type": "choice", "values": [16, 8]},
    }
    axes = hyperparameters(document(space))
    assert [(axis.label, axis.type, axis.domain) for axis in axes] == [
        ("net", "category", ["a", "b"]),
        ("depth", "category", [3, 1]),
        ("size", "category", [16, 8]),
    ]


def test_a_branch_may_fix_a_number_that_no_float_holds() -> None:
    """It is an end of the axis as it is."""
    branches = [{"n": {"type": "randint", "upper": 8}}, {"n": 10**400}]
    (axis,) = hyperparameters(document({"m": {"type": "choice", "values": branches}}))
    assert axis.domain == [0, 10**400]


def test_branches_of_mixed_kinds_have_one_axis() -> None:
    """Numbers where all are numbers, categories where one is a text."""
    drawn = {"type": "uniform", "min_value": 0, "max_value": 1}
    for fixed, kind, domain in ((2.5, "number", [0, 2.5]), ("auto", "category", None)):
        branches = [{"lr": drawn}, {"lr": fixed}]
        (axis,) = hyperparameters(document({"m": {"type": "choice", "values": branches}}))
        assert (axis.type, axis.domain) == (kind, domain)


def test_a_hyperparameter_may_have_any_name() -> None:
    """Even that of a fact that every trial has."""
    space: dict[str, object] = {
        name: {"type": "uniform", "min_value": 0, "max_value": 1}
        for name in ("number", "objective", "status")
    }
    parameters = {"number": 0.1, "objective": 0.2, "status": 0.3}
    trial = outcome(7, 5.0, parameters=parameters, status=TrialStatus.COMPLETED)
    axes, (series,) = parallel_coordinates(document(space), [trial], None)
    assert len({axis.name for axis in axes}) == len(axes) == 6
    (row,) = series.points
    assert list(row) == [0.1, 0.2, 0.3, 5.0, 7, "completed"]
    _, (only,) = slices(document(space), [trial], None, "number")
    assert [list(each) for each in only.points] == [[0.1, 5.0, 7, "completed"]]


def test_the_objective_knows_its_direction() -> None:
    """And is called what the metric is."""
    space: dict[str, object] = {"x": {"type": "choice", "values": [1]}}
    axis = objective(document(space, "maximize"))
    assert (axis.name, axis.label, axis.direction) == ("objective", "loss", "maximize")
