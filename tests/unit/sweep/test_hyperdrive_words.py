"""HyperDrive's expressions and policies in each of their notations."""

import pytest

from app.sweep.hyperdrive import convert
from tests.unit.sweep.hyperdrives import CONCRETE, Json, changed, faults_of, swept


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("choice(5, 10)", {"type": "choice", "values": [5, 10]}),
        ("choice([5, 10])", {"type": "choice", "values": [5, 10]}),
        ("hyperdrive.choice(range(1, 5))", {"type": "choice", "values": [1, 2, 3, 4]}),
        ("choice(True, 'a', -1, 0.5)", {"type": "choice", "values": [True, "a", -1, 0.5]}),
        (["choice", [["a"]]], {"type": "choice", "values": ["a"]}),
        ("randint(15)", {"type": "randint", "upper": 15}),
        ("uniform(-1, 1e-1)", {"type": "uniform", "min_value": -1, "max_value": 0.1}),
        (
            "quniform(min_value=1, max_value=9, q=2)",
            {"type": "quniform", "min_value": 1, "max_value": 9, "q": 2},
        ),
        ("loguniform(-6, -1)", {"type": "loguniform", "min_value": -6, "max_value": -1}),
        (
            ["qloguniform", [0, 5, 1]],
            {"type": "qloguniform", "min_value": 0, "max_value": 5, "q": 1},
        ),
        ("normal(0, sigma=1)", {"type": "normal", "mu": 0, "sigma": 1}),
        ("qnormal(10, 2, 1)", {"type": "qnormal", "mu": 10, "sigma": 2, "q": 1}),
        ("lognormal(0, 1)", {"type": "lognormal", "mu": 0, "sigma": 1}),
        (["qlognormal", [0, 1, 1]], {"type": "qlognormal", "mu": 0, "sigma": 1, "q": 1}),
    ],
)
def test_every_expression_in_either_notation(text: object, wanted: Json) -> None:
    """With the types of the values as they are."""
    space = convert(swept(x=text)).document["search_space"]
    assert repr(space) == repr({"x": wanted})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("choice()", "at least one value"),
        ("choice(relu, tanh)", "quotes"),
        ("choice([1], [2])", "a list cannot be a value"),
        ("choice(None, 1)", "null cannot be a value"),
        ("choice(__import__('os').system('true'))", "system stands where a value"),
        ("choice(2 ** 3)", "'2 ** 3' is not a number"),
        ("choice(*[1])", "is not a number"),
        ("choice(**{})", "is not a number"),
        ("uniform(0.01, 0.001)", "must be below max_value"),
        ("uniform(1)", "takes min_value, max_value"),
        ("uniform(1, 2, 3)", "at most 2 arguments"),
        ("uniform(1, min_value=2)", "min_value twice"),
        ("normal(0, 0)", "greater than 0"),
        ("unifrom(0, 1)", "did you mean 'uniform'"),
        ("choice(range(10**9))", "is not a number"),
        ("choice(range(0, 999999))", "more than 10000"),
        ("choice(range(1, 2, 0))", "other than 0"),
        ("uniform(0, 1e999)", "finite"),
        ("choice(99999999999999999999)", "64 bits"),
        ("choice(1", "not understood"),
        ("(" * 5000, "not understood"),
        ("-" * 100_000 + "1", "not understood"),
        (["choice"], "no expression"),
        (5, "no expression"),
    ],
)
def test_an_expression_that_cannot_be_carried_over_is_refused_at_its_place(
    text: object, words: str
) -> None:
    """Nothing in it is ever evaluated."""
    faults = faults_of(swept(good="choice(1)", x=text))
    assert list(faults) == ["/hyperparameter_sampling/parameter_space/x"]
    assert words in next(iter(faults.values()))


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("NoTerminationPolicy", None),
        ({"name": "Default"}, None),
        (
            "BanditPolicy(slack_factor=0.1, evaluation_interval=1)",
            {"type": "bandit", "evaluation_interval": 1, "slack_factor": 0.1},
        ),
        (
            "BanditPolicy(2, None, 0.5)",
            {"type": "bandit", "evaluation_interval": 2, "slack_amount": 0.5},
        ),
        (
            {"type": "MedianStoppingPolicy", "delay_evaluation": 5},
            {"type": "median_stopping", "evaluation_interval": 1, "delay_evaluation": 5},
        ),
        (
            {"TruncationSelectionPolicy": {"truncation_percentage": 20}},
            {
                "type": "truncation_selection",
                "evaluation_interval": 1,
                "truncation_percentage": 20,
            },
        ),
        (
            {
                "name": "TruncationSelection",
                "properties": {"truncation_percentage": 5, "exclude_finished_jobs": False},
            },
            {
                "type": "truncation_selection",
                "evaluation_interval": 1,
                "truncation_percentage": 5,
                "exclude_finished_jobs": False,
            },
        ),
    ],
)
def test_every_policy_in_its_notations(policy: object, wanted: Json | None) -> None:
    """v1's default interval of 1 is written down."""
    assert convert(changed(CONCRETE, policy=policy)).document.get("early_termination") == wanted
