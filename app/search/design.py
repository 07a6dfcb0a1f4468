"""Points that fill a space evenly, and every point of a small one."""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping

from pydantic import BaseModel

from app.search.draw import Space, dimensions, parameters_at, value_at
from app.search.encoding import coordinate, steps_of
from app.sweep.search_space import (
    AnyExpression,
    Choice,
    QLogUniform,
    QUniform,
    RandInt,
    Scalar,
    cardinality,
    distinct,
)

Parameters = dict[str, Scalar]
Allowed = Callable[[Mapping[str, Scalar]], bool]
Key = tuple[tuple[str, str, Scalar], ...]

_BLOCK = 64
_PATIENCE = 16_384
"""So many points in a row that are refused or known already end the even filling."""

_PATIENCE_PER_POINT = 4
"""Likewise, for each point of a space that can be listed."""

_MOST_LISTED = 100_000
"""A finite space with more points than this is not listed to find those that are left."""


def key_of(parameters: Mapping[str, Scalar]) -> Key:
    """Equal for equal trials only: 1, 1.0 and true differ, as they do on a command line."""
    return tuple(sorted((name, type(value).__name__, value) for name, value in parameters.items()))


def every_point(space: Space, base: float) -> Iterator[Parameters]:
    """Every point of a finite space, perhaps more than once where branches overlap.

    Raises:
        ValueError: the space is not finite.
    """
    options = [list(_options(name, expression, base)) for name, expression in space.items()]
    for parts in itertools.product(*options):
        yield {name: value for part in parts for name, value in part.items()}


def _options(
    name: str, expression: AnyExpression | Scalar, base: float
) -> Iterator[dict[str, Scalar]]:
    match expression:
        case Choice() if expression.branches:
            for branch in expression.branches:
                yield from every_point(branch, base)
        case Choice():
            plain = [value for value in expression.values if not isinstance(value, dict)]
            yield from ({name: value} for value in distinct(plain))
        case RandInt():
            for number in range(expression.upper):
                yield {name: number}
        case QUniform() | QLogUniform():
            for step in steps_of(expression, base):
                u = coordinate(expression, step * expression.q, base)
                yield {name: value_at(expression, u, base)}
        case BaseModel():
            raise ValueError(f"{name} has more values than can be listed")
        case _:
            yield {name: expression}


class Design:
    """A sequence of different allowed points: the middle, then Sobol points as far as they are new.

    Point n depends on the space, the seed and n only. A finite space that is small enough to be
    listed is in it whole: what Sobol points do not reach comes last.
    """

    def __init__(self, space: Space, seed: int, base: float, allowed: Allowed) -> None:
        self._space, self._base, self._allowed = space, base, allowed
        self._points: list[Parameters] = []
        self._keys: set[Key] = set()
        size = cardinality(space, base)
        self._size = size if size is not None and size <= _MOST_LISTED else None
        self._source = self._sequence(seed)

    def point(self, number: int) -> Parameters | None:
        """The point of that number, from 0; None beyond the last."""
        while len(self._points) <= number:
            found = next(self._source, None)
            if found is None:
                return None
            self._points.append(found)
        return dict(self._points[number])

    def unused(self, start: int, used: Collection[Key]) -> Parameters | None:
        """The first point from `start` on, and then from 0, that is not used; None if all are."""
        for number in itertools.count(start):
            found = self.point(number)
            if found is None:
                break
            if key_of(found) not in used:
                return found
        return next((dict(p) for p in self._points if key_of(p) not in used), None)

    def _sequence(self, seed: int) -> Iterator[Parameters]:
        for found in itertools.chain(self._filling(seed), self._listed()):
            key = key_of(found)
            if key not in self._keys and self._allowed(found):
                self._keys.add(key)
                yield found

    def _filling(self, seed: int) -> Iterator[Parameters]:
        from scipy.stats import qmc  # noqa: PLC0415 - heavy, and few sweeps need it

        yield parameters_at(self._space, [0.5] * dimensions(self._space), self._base)
        sequence = qmc.Sobol(dimensions(self._space), scramble=True, rng=seed)
        known, fruitless = 0, 0
        patience = min(_PATIENCE, _PATIENCE_PER_POINT * (self._size or _PATIENCE))
        while fruitless < patience:
            for point in sequence.random(_BLOCK):
                yield parameters_at(self._space, [float(u) for u in point], self._base)
                fruitless = 0 if len(self._keys) > known else fruitless + 1
                known = len(self._keys)

    def _listed(self) -> Iterator[Parameters]:
        if self._size is not None:
            yield from every_point(self._space, self._base)
