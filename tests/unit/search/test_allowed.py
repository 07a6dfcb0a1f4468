"""How much of a space its constraints allow: counted, estimated, or nothing at all."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.search.allowed import COUNTED, allowance, allowed_points, misfit, nothing_allowed
from app.sweep.document import SweepDocument
from app.sweep.errors import InvalidDocumentError
from app.sweep.parsing import parse_document
from tests.served import Json
from tests.served import document as body_of

INTEGERS = {
    "a": {"type": "randint", "upper": 10},
    "b": {"type": "quniform", "min_value": 0, "max_value": 9, "q": 1},
}
UNIT = {
    "x": {"type": "uniform", "min_value": 0, "max_value": 1},
    "y": {"type": "uniform", "min_value": 0, "max_value": 1},
}


def document(space: Json, *constraints: str, **more: Any) -> SweepDocument:  # noqa: ANN401 - keys of a document
    """A document with these constraints."""
    return parse_document(body_of("true", space, constraints=list(constraints), **more))


def test_a_small_space_is_counted() -> None:
    """Exactly, with an error of nought."""
    found = allowance(document(INTEGERS, "a + b <= 3"))
    assert (found.points, found.fraction, found.error) == (10, 0.1, 0.0)
    assert allowance(document(INTEGERS, "a == b", "a > 4")).points == 5


@settings(deadline=None, max_examples=30)
@given(st.floats(0.05, 0.95))
def test_a_continuous_space_is_estimated_within_its_error(share: float) -> None:
    """The true share lies within two and a half times the stated error, and nothing is counted."""
    found = allowance(document(UNIT, f"x <= {share}"))
    assert found.points is None
    assert 0 < found.error < 0.03
    assert abs(found.fraction - share) < 2.5 * found.error


def test_the_estimate_is_that_of_the_drawn_points() -> None:
    """The area below x * y = 0.1 is 0.1 * (1 + ln 10) = 0.330."""
    found = allowance(document(UNIT, "x * y <= 0.1"))
    assert abs(found.fraction - 0.330) < 2 * found.error


@pytest.mark.parametrize(
    ("space", "constraint"),
    [
        (INTEGERS, "a + b > 18"),
        (UNIT, "x > 1"),
        ({"a": {"type": "randint", "upper": 10 * COUNTED}}, "a < 0"),
        ({**INTEGERS, **UNIT}, "a < 0 or x > 1"),
    ],
)
def test_a_space_with_nothing_left_is_told(space: Json, constraint: str) -> None:
    """By counting when it is finite, else by looking at many points."""
    assert "constraints" in (nothing_allowed(document(space, constraint)) or "")


@pytest.mark.parametrize(
    ("space", "constraint"),
    [
        (INTEGERS, "a + b == 18"),
        (UNIT, "x < 0.001"),
        ({"a": {"type": "randint", "upper": 5 * COUNTED}}, "a == 1234"),
    ],
)
def test_a_rare_point_is_found(space: Json, constraint: str) -> None:
    """One of a hundred, a thousandth of a line, one of twenty thousand."""
    assert nothing_allowed(document(space, constraint)) is None


def test_allowed_points_come_in_the_order_of_the_grid() -> None:
    """All of them or, of too many, none."""
    few = document(INTEGERS, "a + b <= 1")
    assert allowed_points(few, 3) == [{"a": 0, "b": 0}, {"a": 0, "b": 1}, {"a": 1, "b": 0}]
    assert allowed_points(few, 2) is None
    assert allowed_points(document(UNIT, "x < y"), 10) is None


def test_quantised_spaces_are_spelled_as_they_are_drawn() -> None:
    """Decimal steps stay decimal, a logarithmic range begins at its lowest multiple."""
    space = {"d": {"type": "quniform", "min_value": 0, "max_value": 0.3, "q": 0.1}}
    assert allowed_points(document(space, "d > 0"), 9) == [{"d": 0.1}, {"d": 0.2}, {"d": 0.3}]
    logs = {"e": {"type": "qloguniform", "min_value": 0, "max_value": 2, "q": 2}}
    found = allowed_points(document(logs, "e >= 0"), 9)
    assert found == [{"e": 0}, {"e": 2}, {"e": 4}, {"e": 6}, {"e": 8}]


def test_a_misfit_names_the_constraint() -> None:
    """The one that orders text and number, and why."""
    space = {"k": {"type": "choice", "values": ["a", "b"]}, **UNIT}
    found = misfit(document(space, "x < y", "k < 3"))
    assert found is not None
    assert (found[0], "order" in found[1]) == (1, True)
    assert misfit(document(space, "x < y", 'k == "a"')) is None


@pytest.mark.parametrize(
    ("constraint", "word"),
    [("z < 1", "z"), ("x <", "expression"), ("import os", "expression"), ("xx < 1", "'x'")],
)
def test_a_constraint_the_space_does_not_know_is_refused(constraint: str, word: str) -> None:
    """With a pointer to it and the nearest name."""
    with pytest.raises(InvalidDocumentError) as refused:
        document(UNIT, "x < y", constraint)
    (fault,) = refused.value.errors
    assert fault.pointer == "/constraints/1"
    assert word in fault.message
