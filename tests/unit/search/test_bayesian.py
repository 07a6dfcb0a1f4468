import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from pydantic import TypeAdapter

from app.search.bayesian import BayesianSampler, Observation
from app.search.candidates import trusted_width
from app.search.design import key_of
from app.search.targets import chosen, learnt_size, targets
from app.sweep.search_space import Scalar, SearchSpace

Parameters = Mapping[str, Scalar]
Loss = Callable[[Parameters], float | None]


def space_of(body: Mapping[str, object]) -> SearchSpace:
    """A search space from its JSON form."""
    return TypeAdapter(SearchSpace).validate_python(body)


def uniform(low: float, high: float) -> dict[str, object]:
    """A uniform expression."""
    return {"type": "uniform", "min_value": low, "max_value": high}


def choice(*values: object) -> dict[str, object]:
    """A choice."""
    return {"type": "choice", "values": list(values)}


PLANE = space_of({"x": uniform(-5, 10), "y": uniform(0, 15)})
EVERYTHING = space_of(
    {
        "kind": choice("a", "b", "c"),
        "size": choice(8, 16, 32),
        "count": {"type": "randint", "upper": 7},
        "width": uniform(-1, 1),
        "steps": {"type": "quniform", "min_value": 0, "max_value": 1, "q": 0.1},
        "rate": {"type": "loguniform", "min_value": -7, "max_value": 0},
        "trees": {"type": "qloguniform", "min_value": 0, "max_value": 5, "q": 1},
        "bias": {"type": "normal", "mu": 0, "sigma": 1},
        "shift": {"type": "qnormal", "mu": 0, "sigma": 3, "q": 1},
        "decay": {"type": "lognormal", "mu": -3, "sigma": 1},
        "wait": {"type": "qlognormal", "mu": 2, "sigma": 1, "q": 1},
        "model": choice({"knn": True, "k": choice(1, 3, 5)}, {"depth": uniform(0, 1)}),
    }
)


def bowl(parameters: Parameters) -> float:
    """Least at (2, 11)."""
    return (float(parameters["x"]) - 2) ** 2 + (float(parameters["y"]) - 11) ** 2


def branin(parameters: Parameters) -> float:
    """Three optima of 0.3979."""
    x, y = float(parameters["x"]), float(parameters["y"])
    bend = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def everything(parameters: Parameters) -> float:
    """Depends on names of both branches."""
    texts = {"a": 1.0, "b": 0.0, "c": 2.0}
    numbers = sum(float(v) ** 2 for v in parameters.values() if not isinstance(v, str | bool))
    return texts[str(parameters["kind"])] + math.log1p(numbers) + 3 * ("knn" in parameters)


def swept(
    sampler: BayesianSampler, loss: Loss, trials: int, at_once: int = 1
) -> tuple[list[Parameters], list[Observation]]:
    """The trials drawn, and how they ended: always the oldest of those that run at once."""
    drawn: list[Parameters] = []
    finished: list[Observation] = []
    pending: list[Parameters] = []
    for number in range(trials):
        if len(pending) == at_once:
            ended = pending.pop(0)
            finished.append(Observation(ended, loss(ended)))
        parameters = sampler.draw(number, finished, pending)
        if parameters is None:
            break
        drawn.append(parameters)
        pending.append(parameters)
    finished += [Observation(ended, loss(ended)) for ended in pending]
    return drawn, finished


def least(finished: Sequence[Observation]) -> float:
    """The least loss."""
    return min(trial.loss for trial in finished if trial.loss is not None)


@pytest.mark.parametrize(
    ("space", "loss", "at_once"), [(PLANE, branin, 1), (EVERYTHING, everything, 3)]
)
def test_a_new_object_draws_what_the_old_one_draws(
    space: SearchSpace, loss: Loss, at_once: int
) -> None:
    """Whatever was asked before, in another order and again: what is kept only saves time."""
    one = BayesianSampler(space, 7)
    drawn, finished = swept(one, loss, 26, at_once)
    for number in (25, 14, 20, 17, 25):
        ended, running = finished[: number - at_once + 1], drawn[number - at_once + 1 : number]
        assert one.draw(number, ended, running) == drawn[number]
        assert BayesianSampler(space, 7).draw(number, ended, running) == drawn[number]
    assert swept(BayesianSampler(space, 8), loss, 15)[0] != drawn[:15]


def test_the_initial_trials_depend_on_seed_and_number_only() -> None:
    """Whatever has finished or runs, in any order; after them, the design goes on without a loss."""
    sampler = BayesianSampler(EVERYTHING, 3)
    numbers = range(sampler.initial)
    alone = [sampler.draw(number, [], []) for number in numbers]
    again = BayesianSampler(EVERYTHING, 3)
    finished = [Observation(p, 1.0) for p in alone if p is not None]
    assert [
        again.draw(n, finished, [p.parameters for p in finished]) for n in reversed(numbers)
    ] == (alone[::-1])
    failed = [Observation(p.parameters, None) for p in finished]
    later = sampler.draw(sampler.initial, failed, [])
    assert later is not None
    assert later not in alone
    assert later == again.draw(sampler.initial, [], [p.parameters for p in finished])


def test_eight_at_once_never_repeat_a_point_and_take_all_of_a_small_space() -> None:
    """A space of 60 points gives each once and then None, to a new object too."""
    space = space_of(
        {
            "a": choice("u", "v", "w"),
            "b": {"type": "randint", "upper": 4},
            "c": choice(1, 2, 4, 8, 1, 9),
        }
    )
    sampler = BayesianSampler(space, 5)
    drawn, finished = swept(sampler, lambda p: float(p["b"]) - float(p["c"]), 100, at_once=8)
    assert len(drawn) == len({key_of(p) for p in drawn}) == 60
    assert BayesianSampler(space, 5).draw(70, finished, []) is None
    assert sampler.draw(70, finished[:40], [trial.parameters for trial in finished[40:]]) is None


def test_a_finite_space_too_large_to_look_through_is_used_up_as_well() -> None:
    """Of 10,000 points 30 are allowed: each is found, once."""

    def allowed(parameters: Parameters) -> bool:
        return int(parameters["a"]) == 77 and int(parameters["b"]) < 30

    space = space_of(
        {"a": {"type": "randint", "upper": 100}, "b": {"type": "randint", "upper": 100}}
    )
    drawn, _ = swept(BayesianSampler(space, 1, allowed=allowed), lambda p: float(p["b"]), 50)
    assert {int(p["b"]) for p in drawn} == set(range(30))
    assert len(drawn) == 30


def test_only_allowed_points_are_drawn_and_the_best_of_them_is_found() -> None:
    """The optimum of the bowl lies outside; the best allowed point is on the edge."""

    def allowed(parameters: Parameters) -> bool:
        return float(parameters["x"]) + float(parameters["y"]) < 5

    drawn, finished = swept(BayesianSampler(PLANE, 2, allowed=allowed), bowl, 30, at_once=2)
    assert len(drawn) == 30
    assert all(map(allowed, drawn))
    assert least(finished) == pytest.approx(32, rel=0.1)


def test_nothing_is_drawn_where_nothing_is_allowed() -> None:
    """None, from the first trial on."""
    sampler = BayesianSampler(PLANE, 2, allowed=lambda _: False)
    assert sampler.draw(0, [], []) is None
    assert sampler.draw(50, [], []) is None


def test_the_right_branch_is_found() -> None:
    """Most trials end up in the better branch, near its optimum, with its own names only."""
    space = space_of(
        {
            "model": choice(
                {"kind": "far", "x": uniform(0, 1)},
                {"kind": "near", "y": uniform(0, 1), "n": choice(1, 2, 3)},
                {"kind": "none"},
            )
        }
    )

    def loss(parameters: Parameters) -> float:
        if parameters["kind"] == "near":
            return (float(parameters["y"]) - 0.3) ** 2 + abs(int(parameters["n"]) - 2)
        return 1.5 + float(parameters.get("x", 0.5))

    drawn, finished = swept(BayesianSampler(space, 4), loss, 30)
    names = {"far": {"kind", "x"}, "near": {"kind", "y", "n"}, "none": {"kind"}}
    assert all(set(p) == names[str(p["kind"])] for p in drawn)
    assert sum(p["kind"] == "near" for p in drawn[10:]) >= 12
    assert sum(p["kind"] == "none" for p in drawn) == 1 or least(finished) < 1e-3
    assert least(finished) < 1e-3


def test_it_is_much_better_than_random() -> None:
    """After 30 trials the bowl and Branin are solved; 30 random points do worse every time."""
    generator = np.random.default_rng(0)
    for loss, optimum in ((bowl, 0.0), (branin, 0.3979)):
        found = [least(swept(BayesianSampler(PLANE, seed), loss, 30)[1]) for seed in range(2)]
        random = [
            min(
                loss({"x": float(15 * u - 5), "y": float(15 * v)})
                for u, v in generator.random((30, 2))
            )
            for _ in range(20)
        ]
        assert max(found) < optimum + 0.1
        assert max(found) - optimum < (float(np.median(random)) - optimum) / 5


def test_a_region_of_failures_is_avoided() -> None:
    """Half of the plane fails: later trials go there less than a third of the time."""

    def loss(parameters: Parameters) -> float | None:
        return None if float(parameters["x"]) < 0 else bowl(parameters)

    drawn, finished = swept(BayesianSampler(PLANE, 1), loss, 34)
    assert sum(float(p["x"]) < 0 for p in drawn[10:]) < 8
    assert least(finished) < 0.5


@pytest.mark.parametrize("scale", [1e-250, 1.0, 1e250])
def test_outliers_and_scales_do_not_matter(scale: float) -> None:
    """Losses of 1e300 among small ones, tiny losses, huge ones: the optimum is found."""

    def loss(parameters: Parameters) -> float:
        return 1e300 if float(parameters["y"]) < 3 else scale * (bowl(parameters) - 20)

    _, finished = swept(BayesianSampler(PLANE, 6), loss, 25)
    assert least(finished) < -18 * scale


def test_the_order_of_losses_is_what_counts_for_the_scale() -> None:
    """A power of two times the loss draws the very same trials."""
    one = swept(BayesianSampler(PLANE, 6), bowl, 20)[0]
    assert swept(BayesianSampler(PLANE, 6), lambda p: 1024 * bowl(p), 20)[0] == one


def test_constant_losses_and_repeated_trials_are_taken() -> None:
    """Forty equal losses, each trial in the history twice: the next ones are new all the same."""
    sampler = BayesianSampler(EVERYTHING, 9)
    trials, finished = swept(sampler, lambda _: 4.2, 20)
    assert len({key_of(p) for p in trials}) == 20
    following = sampler.draw(40, [*finished, *finished], [])
    assert following is not None
    assert key_of(following) not in {key_of(p) for p in trials}


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_cannot_be_observed(loss: float) -> None:
    """It is None or it is refused; the model never meets it."""
    with pytest.raises(ValueError, match="None"):
        Observation({"x": 0.0}, loss)


def test_a_thousand_trials_are_no_burden() -> None:
    """The model learns from the best, the latest and some others; the next point is new."""
    generator = np.random.default_rng(3)
    finished = [
        Observation(p, bowl(p))
        for p in (
            {"x": float(15 * u - 5), "y": float(15 * v)} for u, v in generator.random((1000, 2))
        )
    ]
    following = BayesianSampler(PLANE, 1).draw(1000, finished, [])
    assert following is not None
    assert bowl(following) < least(finished) + 2
    losses = np.array([bowl(trial.parameters) for trial in finished])
    kept = chosen(losses, 200)
    assert len(kept) == 200
    assert set(range(950, 1000)) <= set(kept.tolist())
    assert int(np.argmin(losses)) in kept


def test_targets_keep_the_order_and_the_good_half_its_shape() -> None:
    """Mean 0, variance 1, outliers near the rest, failures as bad as the worst."""
    losses = [*np.linspace(0, 1, 20).tolist(), 1e9, 1e300, None]
    warped = targets(losses)
    assert warped.mean() == pytest.approx(0, abs=1e-12)
    assert warped.std() == pytest.approx(1)
    assert (np.diff(warped[:22]) >= 0).all()
    assert warped[22] == warped[21] < 3
    assert targets([1.0, 1.0, None]).tolist() == pytest.approx([-(0.5**0.5), -(0.5**0.5), 2**0.5])


def test_the_trust_region_narrows_and_widens_again() -> None:
    """Failures halve it until it starts anew; improvements double it; sizes of fits grow slowly."""
    failing = [trusted_width(np.zeros(count), 2) for count in (1, 7, 13, 19, 37)]
    assert failing == [0.8, 0.4, 0.2, 0.1, 0.8 / 64]
    assert trusted_width(np.zeros(43), 2) == 0.8
    assert trusted_width(-np.arange(10.0), 2) == 1.6
    assert [learnt_size(count) for count in (1, 19, 20, 100, 1000)] == [1, 19, 20, 97, 964]
