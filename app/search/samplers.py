"""Which parameters trial n gets: a pure function of the document's seed and n.

Nothing is carried from one trial to the next, so the sequence is the same whatever the
concurrency, and after any restart.
"""

from collections.abc import Sequence

import numpy as np

from app.search.draw import Space, dimensions, grid_point, parameters_at
from app.sweep.errors import SweepfrontError
from app.sweep.sampling import BayesianSampling, GridSampling, RandomSampling
from app.sweep.search_space import Scalar


class UnsupportedSamplerError(SweepfrontError):
    """This service cannot draw with that algorithm."""

    code = "unsupported-sampler"


def parameters_of(
    space: Space, sampling: RandomSampling | GridSampling | BayesianSampling, number: int
) -> dict[str, Scalar] | None:
    """The parameters of a trial.

    Args:
        space: the search space.
        sampling: the algorithm; random sampling has its seed.
        number: of the trial, from 0.

    Returns:
        The active hyperparameters, flat; None when the grid is exhausted.

    Raises:
        UnsupportedSamplerError: bayesian sampling.
        ValueError: random sampling without a seed.
    """
    match sampling:
        case GridSampling():
            return grid_point(space, number)
        case RandomSampling():
            if sampling.seed is None:
                raise ValueError("random sampling needs a seed before trials can be drawn")
            draw = _sobol if sampling.rule == "sobol" else _independent
            point = draw(dimensions(space), sampling.seed, number)
            return parameters_at(space, point, sampling.base)
        case BayesianSampling():
            raise UnsupportedSamplerError("bayesian sampling cannot be drawn here; use random")


def _independent(count: int, seed: int, number: int) -> Sequence[float]:
    generator = np.random.default_rng(np.random.SeedSequence([seed, number]))
    return [float(u) for u in generator.random(count)]


def _sobol(count: int, seed: int, number: int) -> Sequence[float]:
    """Point `number` of a Sobol sequence with Owen's scrambling (Owen, J. Complexity 14, 1998)."""
    from scipy.stats import qmc  # noqa: PLC0415 - heavy, and few sweeps need it

    sequence = qmc.Sobol(count, scramble=True, rng=seed)
    if number:
        sequence.fast_forward(number)
    return [float(u) for u in sequence.random(1)[0]]
