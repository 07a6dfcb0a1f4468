"""Which parameters trial n gets.

A sampler's answer is a pure function of the document, the number and, for bayesian sampling, of
the trials so far: the same whatever the concurrency, and after any restart. What a sampler
remembers only saves it from computing again.
"""

import math
from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np

from app.search.allowed import Allowed
from app.search.bayesian import BayesianSampler, Observation
from app.search.draw import Space, dimensions, grid_point, parameters_at
from app.sweep.document import SweepDocument
from app.sweep.sampling import BayesianSampling, GridSampling, RandomSampling
from app.sweep.search_space import Scalar
from app.sweep.state import Parameters

MAX_DRAWS = 100_000
"""Points that are tried for one trial until the constraints allow one."""
_BATCH = 64


class Sampler(Protocol):
    """Draws the parameters of trials."""

    @property
    def initial(self) -> int | None:
        """Trials numbered below this do not depend on other trials; None: no trial does."""
        ...

    @property
    def slow(self) -> bool:
        """Whether an answer may take a noticeable time, or load a heavy library."""
        ...

    def draw(
        self, number: int, finished: Sequence[Observation], pending: Sequence[Parameters]
    ) -> dict[str, Scalar] | None:
        """The parameters of a trial.

        Args:
            number: of the trial, from 0.
            finished: the trials that have ended, in the order in which they did.
            pending: the parameters of those that have not, by number.

        Returns:
            The active hyperparameters, flat; None when there is no further point.
        """
        ...


class _Seeded:
    """What samplers draw from whose trials depend on the seed alone."""

    initial: ClassVar[int | None] = None

    def __init__(self, space: Space, seed: int, base: float, allowed: Allowed) -> None:
        self._space = space
        self._seed = seed
        self._base = base
        self._allowed = allowed
        self._dimensions = dimensions(space)


class RandomSampler(_Seeded):
    """Independent draws; with constraints, trial n is the first allowed draw of its own stream."""

    slow: ClassVar[bool] = False

    def draw(
        self,
        number: int,
        finished: Sequence[Observation],  # noqa: ARG002 - of the protocol
        pending: Sequence[Parameters],  # noqa: ARG002 - likewise
    ) -> dict[str, Scalar] | None:
        """The trial's own draw."""
        generator = np.random.default_rng(np.random.SeedSequence([self._seed, number]))
        for _ in range(MAX_DRAWS):
            point = [float(u) for u in generator.random(self._dimensions)]
            parameters = parameters_at(self._space, point, self._base)
            if self._allowed(parameters):
                return parameters
        return None


class SobolSampler(_Seeded):
    """Allowed points of a Sobol sequence with Owen's scrambling (Owen, J. Complexity 14, 1998)."""

    slow: ClassVar[bool] = True

    def __init__(self, space: Space, seed: int, base: float, allowed: Allowed) -> None:
        super().__init__(space, seed, base, allowed)
        self._found: list[dict[str, Scalar]] = []
        self._scanned = 0

    def draw(
        self,
        number: int,
        finished: Sequence[Observation],  # noqa: ARG002 - of the protocol
        pending: Sequence[Parameters],  # noqa: ARG002 - likewise
    ) -> dict[str, Scalar] | None:
        """The allowed point of that place in the sequence."""
        limit = self._scanned + MAX_DRAWS
        while len(self._found) <= number:
            if self._scanned >= limit:
                return None
            self._scan()
        return dict(self._found[number])

    def _scan(self) -> None:
        from scipy.stats import qmc  # noqa: PLC0415 - heavy, and few sweeps need it

        sequence = qmc.Sobol(self._dimensions, scramble=True, rng=self._seed)
        if self._scanned:
            sequence.fast_forward(self._scanned)
        # As many again as before, so that a long scan makes the sequence anew only a few times.
        count = max(_BATCH, self._scanned)
        for point in sequence.random(count).tolist():
            parameters = parameters_at(self._space, point, self._base)
            if self._allowed(parameters):
                self._found.append(parameters)
        self._scanned += count


class GridSampler:
    """The allowed points of the grid, each once."""

    initial: ClassVar[int | None] = None
    slow: ClassVar[bool] = False

    def __init__(self, space: Space, allowed: Allowed) -> None:
        self._space = space
        self._allowed = allowed
        self._found: list[dict[str, Scalar]] = []
        self._scanned = 0

    def draw(
        self,
        number: int,
        finished: Sequence[Observation],  # noqa: ARG002 - of the protocol
        pending: Sequence[Parameters],  # noqa: ARG002 - likewise
    ) -> dict[str, Scalar] | None:
        """The allowed point of that place in the grid; None beyond the last one."""
        while len(self._found) <= number:
            parameters = grid_point(self._space, self._scanned)
            if parameters is None:
                return None
            self._scanned += 1
            if self._allowed(parameters):
                self._found.append(parameters)
        return dict(self._found[number])


def sampler_of(document: SweepDocument) -> Sampler:
    """The sampler that a document asks for.

    Raises:
        ValueError: random or bayesian sampling without a seed.
    """
    space, sampling = document.search_space, document.sampling_algorithm
    allowed = Allowed.by(document)
    if isinstance(sampling, GridSampling):
        return GridSampler(space, allowed)
    if sampling.seed is None:
        raise ValueError(f"{sampling.type} sampling needs a seed before trials can be drawn")
    match sampling:
        case RandomSampling(rule="sobol"):
            return SobolSampler(space, sampling.seed, sampling.base, allowed)
        case RandomSampling():
            return RandomSampler(space, sampling.seed, sampling.base, allowed)
        case BayesianSampling():
            return BayesianSampler(space, sampling.seed, math.e, allowed)
