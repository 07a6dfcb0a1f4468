"""From the parameters of a trial back to the unit cube, and on to what a model can compare.

`coordinates` is the inverse of `draw.parameters_at`. `Encoding` turns coordinates into features:
one column per expression on every level, in the order of `walk`. A number is its cumulative
distribution at the value that is run, so whatever rounds to one value has one feature; a choice
of numbers is its rank; any other choice is a code that is equal or different and nothing else. A
hyperparameter whose branch is not drawn has the same feature everywhere.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from app.search.draw import Space, value_at
from app.sweep.search_space import (
    QUANTISED,
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
    distinct,
)

Array = NDArray[np.float64]

INACTIVE = 0.5
"""The coordinate of a hyperparameter whose branch is not drawn."""

_MOST_LEVELS = 1024
"""A discrete expression with more values than this is looked at as a continuous one."""

LAST = 1 - 2.0**-53
"""The last coordinate below 1."""

_TAIL = 1e-4
"""How much of a normal distribution's tails goes to the outermost level."""

_STANDARD = NormalDist()


def coordinates(space: Space, parameters: Mapping[str, Scalar], base: float) -> list[float]:
    """The point of the unit cube at which the space has these parameters.

    Args:
        space: the search space.
        parameters: the active hyperparameters, flat.
        base: the base of the log expressions.

    Returns:
        One coordinate in [0, 1) per expression, in the order of `walk`. A discrete value has the
        coordinate in the middle of what gives that value; what is not active has `INACTIVE`.

    Raises:
        ValueError: the parameters are none of this space's.
    """
    found = _level(space, parameters, base)
    if found is None:
        raise ValueError(f"not of this search space: {dict(parameters)}")
    return found[0]


def coordinate(expression: AnyExpression, value: Scalar, base: float) -> float:
    """The coordinate in [0, 1) at which `draw.value_at` gives the value.

    Raises:
        ValueError: a choice has no such value, or an expression of numbers is given a text.
    """
    match expression:
        case Choice():
            keys = [(type(listed), listed) for listed in expression.values]
            return (keys.index((type(value), value)) + 0.5) / len(keys)
        case RandInt():
            return _inside((float(value) + 0.5) / expression.upper)
        case _:
            return _inside(_cumulative(expression, float(value), base))


def _level(
    space: Space, parameters: Mapping[str, Scalar], base: float
) -> tuple[list[float], int] | None:
    """Coordinates of a level and how many names of it were found; None when it is not active."""
    point: list[float] = []
    names = 0
    for name, expression in space.items():
        if isinstance(expression, Choice) and expression.branches:
            drawn = _branch(expression, parameters, base)
            if drawn is None:
                return None
            point += drawn[0]
            names += drawn[1]
            continue
        if name not in parameters:
            return None
        names += 1
        if isinstance(expression, BaseModel):
            try:
                point.append(coordinate(expression, parameters[name], base))
            except ValueError:
                return None
        elif parameters[name] != expression:
            return None
    return point, names


def _branch(
    expression: Choice, parameters: Mapping[str, Scalar], base: float
) -> tuple[list[float], int] | None:
    """The branch of which most is there: one may hold the names of another and more."""
    levels = [_level(branch, parameters, base) for branch in expression.branches]
    names = [-1 if level is None else level[1] for level in levels]
    drawn = names.index(max(names))
    if levels[drawn] is None:
        return None
    point = [(drawn + 0.5) / len(levels)]
    for index, (branch, level) in enumerate(zip(expression.branches, levels, strict=True)):
        count = sum(1 for _ in _expressions(branch, None, 0))
        point += level[0] if level is not None and index == drawn else [INACTIVE] * count
    return point, names[drawn]


def _inside(u: float) -> float:
    return min(max(u, 0.0), LAST)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _cumulative(expression: AnyExpression, value: float, base: float) -> float:
    """The cumulative distribution before rounding; outside [0, 1] beyond a bound."""
    match expression:
        case Uniform() | QUniform():
            return _share(expression.min_value, expression.max_value, value)
        case LogUniform() | QLogUniform():
            power = _log(value) / math.log(base)
            return _share(expression.min_value, expression.max_value, power)
        case Normal() | QNormal():
            return _STANDARD.cdf((value - expression.mu) / expression.sigma)
        case LogNormal() | QLogNormal():
            return _STANDARD.cdf((_log(value) - expression.mu) / expression.sigma)
        case _:
            raise ValueError(f"{expression.type} has no cumulative distribution")


def _share(low: float, high: float, value: float) -> float:
    """How far a value is on the way; halved, since the difference of two bounds may overflow."""
    return (value / 2 - low / 2) / (high / 2 - low / 2)


@dataclass(frozen=True, slots=True)
class Column:
    """One expression as a column of the features.

    Attributes:
        parent: the column of the choice whose branch holds it; None on the first level.
        branch: which of that choice's branches holds it.
        categorical: its features are codes, of which one can only say whether they are equal.
        levels: a coordinate of each different value, in the order of their features, if the
            expression is discrete and they are few.
        edges: the coordinates, ascending, at which the value changes.
        features: the feature below the first edge, between each two and above the last.
    """

    parent: int | None
    branch: int
    categorical: bool = False
    levels: Array | None = None
    edges: Array | None = None
    features: Array | None = None


class Encoding:
    """The columns of a space."""

    def __init__(self, space: Space, base: float) -> None:
        self._space = space
        self._base = base
        found = _expressions(space, None, 0)
        self.columns = [
            _column(expression, parent, branch, base) for expression, parent, branch in found
        ]
        self.categorical = np.array([column.categorical for column in self.columns], dtype=bool)
        self.continuous = np.array([column.levels is None for column in self.columns], dtype=bool)

    def point(self, parameters: Mapping[str, Scalar]) -> list[float]:
        """The coordinates of a trial; ValueError when it is of another space."""
        return coordinates(self._space, parameters, self._base)

    def active(self, points: Array) -> NDArray[np.bool_]:
        """Which columns have a meaning at points of the unit cube, of the shape of the points."""
        active = np.ones(points.shape, dtype=bool)
        for place, column in enumerate(self.columns):
            if column.parent is not None:
                drawn = self._values(column.parent, points) == column.branch
                active[:, place] = active[:, column.parent] & drawn
        return active

    def features(self, points: Array) -> Array:
        """The features of points of the unit cube, both of shape (points, columns)."""
        columns = [self._values(place, points) for place in range(len(self.columns))]
        resting = np.where(self.categorical, -1.0, INACTIVE)
        return np.where(self.active(points), np.stack(columns, axis=1), resting)

    def _values(self, place: int, points: Array) -> Array:
        column = self.columns[place]
        if column.edges is None or column.features is None:
            return points[:, place]
        return column.features[np.searchsorted(column.edges, points[:, place], side="right")]


def _expressions(
    space: Space, parent: int | None, branch: int, start: int = 0
) -> Iterator[tuple[AnyExpression, int | None, int]]:
    """Each expression, the place of the choice that holds it and in which branch; as `walk`."""
    place = start
    for expression in space.values():
        if not isinstance(expression, BaseModel):
            continue
        yield expression, parent, branch
        here, place = place, place + 1
        if isinstance(expression, Choice):
            for index, values in enumerate(expression.branches):
                for inner in _expressions(values, here, index, place):
                    yield inner
                    place += 1


def _column(expression: AnyExpression, parent: int | None, branch: int, base: float) -> Column:
    match expression:
        case Choice() if expression.branches:
            count = len(expression.branches)
            levels, edges = _even(count)
            codes = np.arange(count, dtype=np.float64)
            return Column(parent, branch, True, levels, edges, codes)  # noqa: FBT003 - a field
        case Choice():
            return _choice(expression, parent, branch)
        case RandInt() if expression.upper <= _MOST_LEVELS:
            levels, edges = _even(expression.upper)
            return Column(parent, branch, levels=levels, edges=edges, features=levels)
        case QUniform() | QLogUniform() | QNormal() | QLogNormal():
            steps = steps_of(expression, base)
            # len() fails beyond what a C ssize_t holds.
            if steps.stop - steps.start > _MOST_LEVELS:
                return Column(parent, branch)
            q = expression.q
            at = [_inside(_cumulative(expression, step * q, base)) for step in steps]
            between = [_inside(_cumulative(expression, (step + 0.5) * q, base)) for step in steps]
            levels, edges = np.array(sorted(at)), np.array(sorted(between[:-1]))
            return Column(parent, branch, levels=levels, edges=edges, features=levels)
        case _:
            return Column(parent, branch)


def _even(count: int) -> tuple[Array, Array]:
    """The middles and the inner edges of `count` equal parts of [0, 1]."""
    return (np.arange(count) + 0.5) / count, np.arange(1, count) / count


def _choice(expression: Choice, parent: int | None, branch: int) -> Column:
    """A choice of numbers in the order of their size, any other in no order."""
    plain = [value for value in expression.values if not isinstance(value, dict)]
    different = distinct(plain)
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in different)
    order: Sequence[Scalar] = sorted(different, key=float) if numeric else different
    keys = [(type(value), value) for value in plain]
    ranks = {(type(value), value): rank for rank, value in enumerate(order)}
    middles, edges = _even(len(plain))
    places = np.array([ranks[key] for key in keys], dtype=np.float64)
    return Column(
        parent,
        branch,
        categorical=not numeric,
        levels=middles[[keys.index(key) for key in ranks]],
        edges=edges,
        features=(places + 0.5) / len(different) if numeric else places,
    )


def steps_of(expression: AnyExpression, base: float) -> range:
    """The multiples of q that the expression gives, but for the tails of a normal one."""
    if not isinstance(expression, QUANTISED):
        raise TypeError(f"{expression.type} is not quantised")
    tail = 0.0 if isinstance(expression, QUniform | QLogUniform) else _TAIL
    ends = (value_at(expression, u, base) for u in (tail, 1 - tail))
    low, high = sorted(round(float(end) / expression.q) for end in ends)
    return range(low, high + 1)
