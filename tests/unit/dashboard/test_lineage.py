"""Where models came from: the champion, sweeps that are gone, what a gate said."""

from dataclasses import replace

from app.dashboard.lineage import champion, document_hash
from app.dashboard.model_version import gate_in_words, sweep_link, trial_link
from tests.contract.store.samples import version

SAME = replace(version("b", 0), version=2, value=1.5)


def test_the_champion_is_the_best_of_those_chosen_alike() -> None:
    """A newer one of equal value stands; another metric, or goal, is not compared."""
    newest = replace(version("c", 0), version=3, value=1.5)
    other = replace(version("a", 0), version=1, value=0.1, primary_metric="error")
    contrary = replace(version("d", 0), version=1, value=0.1, goal="maximize")
    assert champion([newest, SAME, other, contrary]) is newest
    better = replace(SAME, value=1.4)
    assert champion([newest, better, other]) is better
    assert champion([]) is None


def test_the_champion_of_a_score_is_the_greatest() -> None:
    """Goals have their direction."""
    scores = [
        replace(SAME, version=n, value=value, goal="maximize") for n, value in ((2, 1), (1, 3))
    ]
    assert champion(scores) is scores[1]


def test_a_sweep_that_is_gone_is_named_without_a_link() -> None:
    """Its document is still known by its hash."""
    gone = replace(SAME, tags={"sweepfront.document_hash": "abc"})
    assert sweep_link("/x", gone, None) == "b (purged)"
    assert trial_link("/x", gone, None) == "trial 0"
    assert document_hash(gone) == "abc"
    assert document_hash(SAME) == ""


def test_what_a_gate_said_is_told() -> None:
    """None, the first version, guards only, or the comparison."""
    assert gate_in_words(SAME) == "none"
    assert gate_in_words(replace(SAME, gate={"guards": []})) == "passed: the first version"
    assert gate_in_words(replace(SAME, gate={"guards": [{"metric": "m", "max": 1}]})) == "passed"
    compared = {"guards": [], "version": 1, "improvement": 0.25}
    said = gate_in_words(replace(SAME, gate=compared))
    assert said == "passed: better by 0.25 than version 1"
