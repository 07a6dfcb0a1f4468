"""Advice: each warning shown by a document that deserves it, and absent from its neighbour."""

import copy
from typing import Any

import pytest

from app.sweep.advice import advise, advise_from
from app.sweep.early_termination import first_judged
from app.sweep.examples import SEED
from app.sweep.parsing import parse_document
from app.sweep.record import BestTrial, Earlier, Predecessor
from app.sweep.sampling import logbase_of
from app.sweep.search_space import cardinality
from app.sweep.state import SweepStatus
from tests.served import Json


def warned(**changes: Any) -> list[str]:  # noqa: ANN401 - any value of a document
    """The warnings about the seed's document with these keys changed."""
    body = {**copy.deepcopy(SEED), **changes}
    document = parse_document(body)
    base = logbase_of(document.sampling_algorithm)
    return advise(document, cardinality(document.search_space, base))


def space(**expressions: Json) -> Json:
    """Keys for a space whose hyperparameters the command uses."""
    command = "python x.py " + " ".join(f"${{{{search_space.{name}}}}}" for name in expressions)
    return {"search_space": expressions, "trial": {"command": command}, "inputs": {}}


YES: object = True
NO: object = False


def choice(*values: object) -> Json:
    """A choice of these values."""
    return {"type": "choice", "values": list(values)}


UNIFORM = {"type": "uniform", "min_value": 0, "max_value": 1}
MEDIAN = {"type": "median_stopping", "evaluation_interval": 1}

CASES = [
    (
        "log bounds given as values",
        space(rate={"type": "loguniform", "min_value": 0.0001, "max_value": 0.1}),
        space(rate={"type": "loguniform", "min_value": -9.21, "max_value": -2.3}),
        ["search_space.rate", "[1.0001, 1.10517]", "-9.21034", "-2.30259"],
    ),
    (
        "log bounds to another base",
        {
            **space(rate={"type": "qloguniform", "min_value": 0.001, "max_value": 1, "q": 1}),
            "sampling_algorithm": {"type": "random", "logbase": 10},
        },
        {
            **space(rate={"type": "qloguniform", "min_value": 0, "max_value": 3, "q": 1}),
            "sampling_algorithm": {"type": "random", "logbase": 10},
            "limits": {"max_total_trials": 3},
        },
        ["log_10", "= [-3, 0]"],
    ),
    (
        "a choice that mixes types",
        space(x=choice(1, "auto"), y=UNIFORM),
        space(x=choice(1, 0.5), y=UNIFORM),
        ["search_space.x", "number, text"],
    ),
    (
        "a choice of true and 1",
        space(x=choice(YES, 1), y=UNIFORM),
        space(x=choice(YES, NO), y=UNIFORM),
        ["search_space.x", "true/false"],
    ),
    (
        "a hyperparameter that the command does not use",
        {"search_space": {**SEED["search_space"], "depth": choice(1, 2)}},
        {},
        ["search_space.depth", "AZUREML_SWEEP_depth"],
    ),
    (
        "an input that the command does not use",
        {"inputs": {**SEED["inputs"], "folds": 5}},
        {},
        ["inputs.folds"],
    ),
    (
        "a grid larger than the budget",
        {"sampling_algorithm": "grid", "limits": {"max_total_trials": 119}},
        {"sampling_algorithm": "grid", "limits": {"max_total_trials": 120}},
        ["120 points", "after 119"],
    ),
    (
        "more random trials than points",
        {"limits": {"max_total_trials": 121}},
        {"limits": {"max_total_trials": 120}},
        ["121", "120 points", "grid"],
    ),
    (
        "more bayesian trials than points",
        {"sampling_algorithm": "bayesian", "limits": {"max_total_trials": 200}},
        {"sampling_algorithm": "bayesian", "limits": {"max_total_trials": 120}},
        ["200", "120 points", "ends"],
    ),
    (
        "bayesian with few trials for each hyperparameter",
        {"sampling_algorithm": "bayesian", "limits": {"max_total_trials": 99}},
        {"sampling_algorithm": "bayesian", "limits": {"max_total_trials": 100}},
        ["99", "20 trials for each of the 5", "(100)"],
    ),
    (
        "bayesian with high concurrency",
        {
            "sampling_algorithm": "bayesian",
            "limits": {"max_total_trials": 100, "max_concurrent_trials": 26},
        },
        {
            "sampling_algorithm": "bayesian",
            "limits": {"max_total_trials": 100, "max_concurrent_trials": 25},
        },
        ["26 of 100", "sobol"],
    ),
    (
        "a seed for the grid",
        {
            "sampling_algorithm": {"type": "grid", "seed": 3},
            "limits": {"max_total_trials": 120},
        },
        {"sampling_algorithm": {"type": "random", "seed": 3}},
        ["sampling_algorithm.seed"],
    ),
    (
        "an interval that is not given",
        {"early_termination": "median_stopping", "limits": {"max_total_trials": 4}},
        {"early_termination": MEDIAN, "limits": {"max_total_trials": 4}},
        ["evaluation_interval", "sqrt_mse"],
    ),
    (
        "a first batch that is most of the sweep",
        {
            "early_termination": MEDIAN,
            "limits": {"max_total_trials": 10, "max_concurrent_trials": 6},
        },
        {
            "early_termination": MEDIAN,
            "limits": {"max_total_trials": 10, "max_concurrent_trials": 5},
        },
        ["first 6 of 10"],
    ),
]


@pytest.mark.parametrize(
    ("odd", "plain", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_warning_shows_when_it_should_and_only_then(
    odd: Json, plain: Json, words: list[str]
) -> None:
    """One more warning than the neighbouring document has, with these words."""
    more = [warning for warning in warned(**odd) if all(word in warning for word in words)]
    assert len(more) == 1
    assert not [warning for warning in warned(**plain) if all(word in warning for word in words)]


def test_a_good_document_has_no_warning() -> None:
    """The seed's own."""
    assert warned() == []


def judged(policy: Json) -> Any:  # noqa: ANN401 - a document
    """The seed's document with a policy."""
    return parse_document({**copy.deepcopy(SEED), "early_termination": policy})


def earlier(*reports: int) -> Earlier:
    """An earlier sweep whose trials reported so often."""
    return Earlier(sweeps=["before-1"], durations=[1.0] * len(reports), reports=reports)


def test_a_policy_that_cannot_fire_is_told_from_history() -> None:
    """A delay beyond what the trials of the same code have ever reported."""
    late = judged({**MEDIAN, "delay_evaluation": 6})
    (warning,) = advise_from(late, earlier(5, 4, 5), None)
    for word in ("report 6", "before-1", "at most 5 times", "delay_evaluation"):
        assert word in warning
    assert advise_from(late, earlier(5, 6), None) == []
    assert advise_from(late, Earlier(), None) == []
    rare = judged({"type": "median_stopping", "evaluation_interval": 4, "delay_evaluation": 5})
    assert first_judged(rare.early_termination) == 8
    assert "report 8" in advise_from(rare, earlier(7), None)[0]


def test_one_report_for_each_trial_saves_nothing() -> None:
    """A policy that judges a trial whose work is done; without a policy it does not matter."""
    (warning,) = advise_from(judged(MEDIAN), earlier(1, 1), None)
    assert "once" in warning
    assert advise_from(judged(MEDIAN), earlier(1, 2), None) == []
    assert advise_from(parse_document(SEED), earlier(1, 1), None) == []


def record(status: SweepStatus, best: BestTrial | None) -> Predecessor:
    """A sweep of the same document."""
    return Predecessor(name="before-2", status=status, best_trial=best)


def test_the_same_document_again_is_told_with_its_result() -> None:
    """Where it ran and what it found; without a seed it would not be the same again."""
    best = BestTrial(number=3, objective_value=8.25, parameters={})
    document = parse_document(SEED)
    (warning,) = advise_from(document, Earlier(), record(SweepStatus.COMPLETED, best))
    for word in ("before-2", "completed", "trial 3", "8.25", "seed"):
        assert word in warning
    (running,) = advise_from(document, Earlier(), record(SweepStatus.RUNNING, None))
    assert "before-2 is running" in running
    free = parse_document({**SEED, "sampling_algorithm": "random"})
    assert "without a seed" in advise_from(free, Earlier(), record(SweepStatus.FAILED, None))[0]
    assert advise_from(document, Earlier(), None) == []
