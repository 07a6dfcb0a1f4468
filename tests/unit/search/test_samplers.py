"""Samplers: what trial n gets, whatever else happens."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import qmc

from app.search.samplers import Sampler, sampler_of
from app.sweep.parsing import parse_document
from app.sweep.search_space import Scalar
from tests.served import Json, document

SPACE: Json = {
    "a": {"type": "uniform", "min_value": 0, "max_value": 1},
    "b": {"type": "uniform", "min_value": 0, "max_value": 1},
    "c": {"type": "choice", "values": ["x", "y", "z"]},
}
GRID: Json = {
    "a": {"type": "choice", "values": [1, 2, 3]},
    "b": {"type": "choice", "values": ["u", "v"]},
}


def sampler(space: Json, sampling: Json | str, *constraints: str) -> Sampler:
    """A sampler as a document asks for it."""
    body = document("true", space, sampling_algorithm=sampling, constraints=list(constraints))
    return sampler_of(parse_document(body))


def point(sampler: Sampler, number: int) -> dict[str, Scalar]:
    """Trial n, which there is."""
    found = sampler.draw(number, (), ())
    assert found is not None
    return found


def random(rule: str, seed: int) -> Json:
    """The settings of random sampling."""
    return {"type": "random", "seed": seed, "rule": rule}


@pytest.mark.parametrize("constraints", [(), ("a + b <= 0.5",)])
@pytest.mark.parametrize("rule", ["random", "sobol"])
def test_a_trial_depends_on_seed_and_number_only(rule: str, constraints: tuple[str, ...]) -> None:
    """Asked in any order, any number of times and of any sampler, trial n is the same."""
    whole = sampler(SPACE, random(rule, 42), *constraints)
    in_order = [point(whole, number) for number in range(100)]
    other = sampler(SPACE, random(rule, 42), *constraints)
    for number in np.random.default_rng(1).permutation(200) % 100:
        assert point(other, int(number)) == in_order[number]
    assert len({repr(each) for each in in_order}) == 100


@pytest.mark.parametrize("rule", ["random", "sobol"])
def test_another_seed_gives_other_trials(rule: str) -> None:
    """Two seeds share no point."""
    one, two = (sampler(SPACE, random(rule, seed)) for seed in (1, 2))
    assert all(point(one, n) != point(two, n) for n in range(10))


def test_sobol_covers_the_space_better_than_random() -> None:
    """The centred discrepancy of 64 Sobol points is well below that of random ones."""

    def discrepancy(rule: str, seed: int) -> float:
        source = sampler(SPACE, random(rule, seed))
        drawn = [point(source, number) for number in range(64)]
        return float(qmc.discrepancy(np.array([[each["a"], each["b"]] for each in drawn])))

    for seed in range(3):
        assert discrepancy("sobol", seed) < discrepancy("random", seed) / 3


def test_sobol_spreads_the_first_powers_of_two_evenly() -> None:
    """Of the first 2^k trials each half of each axis gets half."""
    source = sampler(SPACE, random("sobol", 5))
    drawn = [point(source, number) for number in range(16)]
    for size in (2, 4, 8, 16):
        for name in ("a", "b"):
            low = sum(float(each[name]) < 0.5 for each in drawn[:size])
            assert low == size // 2


def test_grid_ends() -> None:
    """Every point once, the first hyperparameter varying slowest; then there is none."""
    source = sampler(GRID, "grid")
    drawn = [source.draw(number, (), ()) for number in range(7)]
    assert drawn[:3] == [{"a": 1, "b": "u"}, {"a": 1, "b": "v"}, {"a": 2, "b": "u"}]
    assert drawn[6] is None
    assert None not in drawn[:6]


def test_grid_leaves_out_what_constraints_forbid() -> None:
    """The others keep their order, asked for in any."""
    source = sampler(GRID, "grid", 'a != 2 or b == "v"', "a < 3")
    assert point(source, 2) == {"a": 2, "b": "v"}
    assert point(source, 0) == {"a": 1, "b": "u"}
    assert source.draw(3, (), ()) is None


@pytest.mark.parametrize(
    "sampling", [random("random", 3), random("sobol", 3), {"type": "bayesian", "seed": 3}]
)
def test_only_allowed_points_are_drawn(sampling: Any) -> None:  # noqa: ANN401 - a document's value
    """Of a fifth of the space, with all kinds of conditions."""
    source = sampler(SPACE, sampling, "a + b <= 0.7", 'c in ["x", "y"]')
    for number in range(source.initial or 50):
        drawn = point(source, number)
        assert float(drawn["a"]) + float(drawn["b"]) <= 0.7
        assert drawn["c"] in ("x", "y")


def test_rejection_leaves_the_allowed_part_evenly_covered() -> None:
    """Under a <= b the mean of a is a third, that of b two thirds."""
    source = sampler(SPACE, random("random", 11), "a <= b")
    drawn = [point(source, number) for number in range(2000)]
    assert abs(np.mean([float(each["a"]) for each in drawn]) - 1 / 3) < 0.02
    assert abs(np.mean([float(each["b"]) for each in drawn]) - 2 / 3) < 0.02


def test_a_point_that_hides_well_is_still_found_or_given_up() -> None:
    """A ten-thousandth of the line takes its time; nothing at all ends."""
    rare = sampler(SPACE, random("random", 1), "a < 0.0001")
    assert float(point(rare, 0)["a"]) < 0.0001
    assert sampler(SPACE, random("random", 1), "a > 2").draw(0, (), ()) is None


@pytest.mark.parametrize("kind", ["random", "bayesian"])
def test_randomness_needs_a_seed(kind: str) -> None:
    """Submission draws one; a sampler never makes one up."""
    with pytest.raises(ValueError, match="seed"):
        sampler(SPACE, {"type": kind})
