"""From a point of the unit cube, or a place in the grid, to the parameters of a trial.

A coordinate goes through its expression's inverse cumulative distribution (Devroye, *Non-Uniform
Random Variate Generation*, 1986, chapter II), so that an evenly spread set of points becomes an
evenly spread set of trials. Parameters are flat: the active hyperparameters of every level; the
choice that holds branches contributes its drawn branch and not its own name.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from statistics import NormalDist

from pydantic import BaseModel

from app.sweep.search_space import (
    AnyExpression,
    Choice,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    RandInt,
    Scalar,
    Uniform,
    cardinality,
    distinct,
    walk,
)

Space = Mapping[str, AnyExpression | Scalar]
_Continuous = (
    Uniform | QUniform | LogUniform | QLogUniform | Normal | QNormal | LogNormal | QLogNormal
)

_STANDARD = NormalDist()
_EDGE = 2.0**-53
"""The inverse of the normal distribution is infinite at 0 and 1."""


def dimensions(space: Space) -> int:
    """How many coordinates a point of this space has: one per expression on every level."""
    return sum(isinstance(expression, BaseModel) for _, _, expression in walk(space))


def parameters_at(space: Space, point: Sequence[float], base: float) -> dict[str, Scalar]:
    """The parameters at a point.

    Args:
        space: the search space.
        point: `dimensions(space)` coordinates in [0, 1), in the order of `walk`; those of
            branches that are not drawn have no effect.
        base: the base of the log expressions.
    """
    return _level(space, iter(point), base)


def grid_point(space: Space, place: int, base: float = math.e) -> dict[str, Scalar] | None:
    """The parameters at a place of the grid, the first hyperparameter varying slowest.

    Args:
        space: is finite: choices, randint and quantised ranges.
        place: from 0; a value that is listed twice counts once.
        base: the base of the log expressions.

    Returns:
        None beyond the last place.

    Raises:
        ValueError: the space is not finite.
    """
    digits = []
    for name, expression in reversed(list(space.items())):
        place, digit = divmod(place, _places(name, expression, base))
        digits.append(digit)
    if place:
        return None
    drawn: dict[str, Scalar] = {}
    for (name, expression), digit in zip(space.items(), reversed(digits), strict=True):
        drawn |= _nth(name, expression, digit, base)
    return drawn


def value_at(expression: AnyExpression, u: float, base: float) -> Scalar:
    """The expression's value where its cumulative distribution is `u`, in [0, 1)."""
    match expression:
        case Choice():
            plain = [value for value in expression.values if not isinstance(value, dict)]
            return plain[_index(u, len(plain))]
        case RandInt():
            return _index(u, expression.upper)
        case QUniform() | QLogUniform() | QNormal() | QLogNormal():
            return _quantised(_continuous(expression, u, base), expression.q)
        case _:
            return _continuous(expression, u, base)


def _level(space: Space, coordinates: Iterator[float], base: float) -> dict[str, Scalar]:
    drawn: dict[str, Scalar] = {}
    for name, expression in space.items():
        if not isinstance(expression, BaseModel):
            drawn[name] = expression
            continue
        u = next(coordinates)
        if isinstance(expression, Choice) and expression.branches:
            levels = [_level(branch, coordinates, base) for branch in expression.branches]
            drawn |= levels[_index(u, len(levels))]
        else:
            drawn[name] = value_at(expression, u, base)
    return drawn


def _index(u: float, count: int) -> int:
    return min(int(u * count), count - 1)


def _between(low: float, high: float, u: float) -> float:
    """A weighted sum, since the difference of two large bounds may overflow."""
    return min(max(low * (1 - u) + high * u, low), high)


def _continuous(expression: _Continuous, u: float, base: float) -> float:
    """The value before any rounding to multiples of q."""
    match expression:
        case Uniform() | QUniform():
            return _between(expression.min_value, expression.max_value, u)
        case LogUniform() | QLogUniform():
            return float(base ** _between(expression.min_value, expression.max_value, u))
        case _:
            inside = min(max(u, _EDGE), 1 - _EDGE)
            value = expression.mu + expression.sigma * _STANDARD.inv_cdf(inside)
            logarithmic = isinstance(expression, LogNormal | QLogNormal)
            return math.exp(value) if logarithmic else value


def _quantised(value: float, q: float) -> int | float:
    """The nearest multiple of q: an integer when q is integral, else the exact decimal multiple."""
    steps = round(value / q)
    if float(q).is_integer():
        return steps * int(q)
    return float(steps * Decimal(repr(q)))


def _places(name: str, expression: AnyExpression | Scalar, base: float) -> int:
    places = cardinality({name: expression}, base)
    if places is None:
        raise ValueError(f"{name} has no grid: it has values without end")
    return places


def _nth(
    name: str, expression: AnyExpression | Scalar, digit: int, base: float
) -> dict[str, Scalar]:
    match expression:
        case Choice() if expression.branches:
            return _nth_of_branches(expression.branches, digit, base)
        case Choice():
            plain = [value for value in expression.values if not isinstance(value, dict)]
            return {name: distinct(plain)[digit]}
        case RandInt():
            return {name: digit}
        case QUniform() | QLogUniform():
            lowest = value_at(expression, 0.0, base)
            if isinstance(expression, QLogUniform) and base < 1:
                lowest = value_at(expression, 1.0, base)
            return {name: _quantised(float(lowest) + digit * expression.q, expression.q)}
        case bool() | int() | float() | str():
            return {name: expression}
        case _:
            raise ValueError(f"{name} has no grid: it has values without end")


def _nth_of_branches(branches: Sequence[Space], digit: int, base: float) -> dict[str, Scalar]:
    for branch in branches:
        point = grid_point(branch, digit, base)
        if point is not None:
            return point
        digit -= cardinality(branch, base) or 0
    raise ValueError("the digit lies beyond the last branch")
