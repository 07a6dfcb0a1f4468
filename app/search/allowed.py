"""How much of a search space its constraints allow."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from app.search.draw import Space, dimensions, grid_point, parameters_at
from app.sweep.constraints import Constraint, parse_constraint
from app.sweep.document import SweepDocument
from app.sweep.sampling import logbase_of
from app.sweep.search_space import Scalar, cardinality

COUNTED = 4_000
"""A finite space of at most so many points is counted, a larger one sampled."""
SAMPLED = 2_000
SEARCHED = 40_000
"""Points looked at before a space counts as having none that is allowed."""
_NORMAL_95 = 1.96


class Allowed:
    """Whether all constraints of a document allow a point."""

    def __init__(self, constraints: Sequence[Constraint]) -> None:
        self.constraints = tuple(constraints)

    @classmethod
    def by(cls, document: SweepDocument) -> Self:
        """The condition that a document sets; one without constraints allows everything.

        Raises:
            ConstraintError: one of them is malformed, which a judged document's never is.
        """
        return cls([parse_constraint(text) for text in document.constraints or ()])

    def __call__(self, parameters: Mapping[str, Scalar]) -> bool:
        """True when a trial with these parameters may run."""
        return all(constraint.allows(parameters) for constraint in self.constraints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much of a space is allowed.

    Attributes:
        fraction: of the points that a sampler would draw, in [0, 1].
        error: half of a 95 % interval of the fraction; 0 when the points were counted.
        points: how many different points are allowed; None when they were not counted.
    """

    fraction: float
    error: float
    points: int | None = None


def allowance(document: SweepDocument) -> Allowance:
    """Count the allowed points of a small finite space, estimate the fraction of another.

    The estimate is that of a fixed pseudo-random sample, so that it does not change from call to
    call; its error is Agresti and Coull's (American Statistician 52, 1998), which does not vanish
    at the ends.
    """
    allowed, base = Allowed.by(document), logbase_of(document.sampling_algorithm)
    total = cardinality(document.search_space, base)
    if total is not None and total <= COUNTED:
        points = sum(map(allowed, _grid(document.search_space, base)))
        return Allowance(fraction=points / total, error=0.0, points=points)
    sample = [allowed(parameters) for parameters in _sample(document, SAMPLED)]
    hits = sum(sample)
    centre = (hits + _NORMAL_95**2 / 2) / (SAMPLED + _NORMAL_95**2)
    error = _NORMAL_95 * math.sqrt(centre * (1 - centre) / (SAMPLED + _NORMAL_95**2))
    return Allowance(fraction=hits / SAMPLED, error=error)


def nothing_allowed(document: SweepDocument) -> str | None:
    """Why the document's space has no point to draw, in words; None when it has one.

    Points are looked at in the order of the grid if the space is finite, else at random.
    """
    allowed, base = Allowed.by(document), logbase_of(document.sampling_algorithm)
    total = cardinality(document.search_space, base)
    if any(map(allowed, _sample(document, SAMPLED))):
        return None
    if total is not None and total <= SEARCHED:
        if any(map(allowed, _grid(document.search_space, base))):
            return None
        return f"none of the {total} points of the search space fulfils all constraints"
    if any(map(allowed, _sample(document, SEARCHED))):
        return None
    return f"none of {SEARCHED} random points of the search space fulfils all constraints"


def allowed_points(document: SweepDocument, at_most: int) -> list[dict[str, Scalar]] | None:
    """Every allowed point of a finite space, in the order of the grid.

    Returns:
        None when the space is not finite, too large to be searched, or has more of them.
    """
    base = logbase_of(document.sampling_algorithm)
    total = cardinality(document.search_space, base)
    if total is None or total > SEARCHED:
        return None
    points = filter(Allowed.by(document), _grid(document.search_space, base))
    found = list(itertools.islice(points, at_most + 1))
    return found if len(found) <= at_most else None


def misfit(document: SweepDocument) -> tuple[int, str] | None:
    """The first constraint that calculates with text or orders what has no order, and why."""
    constraints = Allowed.by(document).constraints
    for parameters in _sample(document, 50):
        for index, constraint in enumerate(constraints):
            if reason := constraint.misfit(parameters):
                return index, reason
    return None


def _grid(space: Space, base: float) -> Iterator[dict[str, Scalar]]:
    for place in itertools.count():
        point = grid_point(space, place, base)
        if point is None:
            return
        yield point


def _sample(document: SweepDocument, count: int) -> Iterator[dict[str, Scalar]]:
    space, base = document.search_space, logbase_of(document.sampling_algorithm)
    generator = np.random.default_rng(0)
    for _ in range(count):
        point = [float(u) for u in generator.random(dimensions(space))]
        yield parameters_at(space, point, base)
