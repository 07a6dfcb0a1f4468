import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.stats import qmc

from app.search.samplers import UnsupportedSamplerError, parameters_of
from app.sweep.sampling import BayesianSampling, GridSampling, RandomSampling
from app.sweep.search_space import SearchSpace

SPACE = TypeAdapter(SearchSpace).validate_python(
    {
        "a": {"type": "uniform", "min_value": 0, "max_value": 1},
        "b": {"type": "uniform", "min_value": 0, "max_value": 1},
        "c": {"type": "choice", "values": ["x", "y", "z"]},
    }
)


@pytest.mark.parametrize("rule", ["random", "sobol"])
def test_a_trial_depends_on_seed_and_number_only(rule: str) -> None:
    """Asked in any order and any number of times, trial n is the same."""
    sampling = RandomSampling.model_validate({"type": "random", "seed": 42, "rule": rule})
    in_order = [parameters_of(SPACE, sampling, number) for number in range(20)]
    numbers = [int(n) for n in np.random.default_rng(1).permutation(40) % 20]
    assert all(parameters_of(SPACE, sampling, n) == in_order[n] for n in numbers)
    assert len({repr(point) for point in in_order}) == 20


@pytest.mark.parametrize("rule", ["random", "sobol"])
def test_another_seed_gives_other_trials(rule: str) -> None:
    """Two seeds share no point."""
    one, two = (
        RandomSampling.model_validate({"type": "random", "seed": seed, "rule": rule})
        for seed in (1, 2)
    )
    assert all(parameters_of(SPACE, one, n) != parameters_of(SPACE, two, n) for n in range(10))


def test_sobol_covers_the_space_better_than_random() -> None:
    """The centred discrepancy of 64 Sobol points is well below that of random ones."""

    def discrepancy(rule: str, seed: int) -> float:
        sampling = RandomSampling.model_validate({"type": "random", "seed": seed, "rule": rule})
        drawn = [parameters_of(SPACE, sampling, number) or {} for number in range(64)]
        return float(qmc.discrepancy(np.array([[point["a"], point["b"]] for point in drawn])))

    for seed in range(3):
        assert discrepancy("sobol", seed) < discrepancy("random", seed) / 3


def test_sobol_spreads_the_first_powers_of_two_evenly() -> None:
    """Of the first 2^k trials each half of each axis gets half."""
    sampling = RandomSampling(type="random", seed=5, rule="sobol")
    drawn = [parameters_of(SPACE, sampling, number) or {} for number in range(16)]
    for size in (2, 4, 8, 16):
        for name in ("a", "b"):
            low = sum(float(point[name]) < 0.5 for point in drawn[:size])
            assert low == size // 2


def test_grid_ends() -> None:
    """After its last point the grid has none."""
    space = TypeAdapter(SearchSpace).validate_python(
        {"a": {"type": "choice", "values": [1, 2]}, "b": {"type": "choice", "values": ["u", "v"]}}
    )
    drawn = [parameters_of(space, GridSampling(type="grid"), number) for number in range(5)]
    assert drawn == [
        {"a": 1, "b": "u"},
        {"a": 1, "b": "v"},
        {"a": 2, "b": "u"},
        {"a": 2, "b": "v"},
        None,
    ]


def test_bayesian_is_never_replaced_silently() -> None:
    """What cannot be drawn is an error, and so is randomness without a seed."""
    with pytest.raises(UnsupportedSamplerError):
        parameters_of(SPACE, BayesianSampling(type="bayesian"), 0)
    with pytest.raises(ValueError, match="seed"):
        parameters_of(SPACE, RandomSampling(type="random"), 0)
