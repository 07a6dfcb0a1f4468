"""What a trial's page says: why it was stopped, what it was held against, who failed alike."""

from dataclasses import replace

import pytest

from app.dashboard.charts.metric import metric_chart
from app.dashboard.trial_facts import ledger
from app.dashboard.trial_words import others, outcome
from app.sweep.state import Decision, TrialStatus
from tests.contract.store.samples import decision, trial

STOP = replace(decision(3, 2), value=9.5, compared={0: 2.0, 1: 3.0, 3: 9.5})
STOPPED = trial(3, TrialStatus.EARLY_TERMINATED)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("bandit", "its best value, 9.5, was worse than 2.5, the most that the slack allows"),
        ("median_stopping", "its best value, 9.5, was worse than 2.5, the median of the running"),
        ("truncation_selection", "its value, 9.5, was among the worst, which began at 2.5"),
        ("of_tomorrow", "9.5 was held against 2.5"),
    ],
)
def test_a_stop_is_explained(policy: str, words: str) -> None:
    """By the figures that decided, in the words of the policy."""
    said = outcome(STOPPED, [replace(STOP, policy=policy)])
    name = policy.replace("_", " ")
    assert said.startswith(f"Stopped at report 2 by {name}: {words}")


def test_a_value_that_is_no_number_is_told_as_such() -> None:
    """Such a report is worse than any other."""
    said = outcome(STOPPED, [decision(3, 2)])
    assert "its best value, not a finite number, was worse than 2.5" in said


def test_the_newest_stop_of_the_latest_attempt_counts() -> None:
    """What was decided about an earlier attempt explains nothing any more."""
    went_on = replace(STOP, interval=1, verdict="continue")
    assert outcome(STOPPED, [STOP, went_on]).startswith("Stopped at report 2")
    again = replace(STOPPED, attempt=2, status=TrialStatus.COMPLETED, status_reason=None)
    assert outcome(again, [replace(STOP, too_late=True)]) == ""
    late = replace(STOP, too_late=True, attempt=2)
    assert "had ended by itself" in outcome(again, [late])


@pytest.mark.parametrize("decisions", [[], [replace(STOP, verdict="continue")]])
def test_without_a_stop_the_backend_says_why(decisions: list[Decision]) -> None:
    """As on Azure ML, which keeps no ledger."""
    told = replace(STOPPED, status_reason="by the policy of Azure ML")
    assert outcome(told, decisions) == "by the policy of Azure ML"
    assert outcome(replace(told, status_reason=None), decisions) == ""


def test_a_trial_is_not_compared_with_itself() -> None:
    """Its own figure is the value."""
    assert others(STOP) == [(0, "2"), (1, "3")]


def test_the_ledger_links_to_the_trials_compared_and_escapes_reasons() -> None:
    """Six at most; the attempt is told where there were several."""
    many = dict.fromkeys(range(9), 1.0)
    told = ledger("/x", "s", STOPPED, [replace(STOP, reason="<b>", compared=many)])
    assert 'href="/x/sweeps/s/trials/6"' in told
    assert "trials/3" not in told
    assert "trials/7" not in told
    assert "and 2 more" in told
    assert "&lt;b&gt;" in told
    assert "Attempt" not in told
    assert "Attempt" in ledger("/x", "s", replace(STOPPED, attempt=2), [STOP])
    assert "has not judged" in ledger("/x", "s", STOPPED, [])


def test_a_chart_draws_thresholds_where_there_are_decisions() -> None:
    """A legend only where there are two lines to tell apart."""
    rows = [(0, 1.0, 1, 0.5), (10, 0.5, 2, 0.9)]
    alone = metric_chart("loss", rows, ())
    assert [each["name"] for each in alone["series"]] == ["loss"]
    assert not alone["legend"]["show"]
    both = metric_chart("loss", rows, [(10, 0.7, 2, None)])
    assert both["series"][1]["data"] == [[10, 0.7]]
    assert both["legend"]["show"]
    assert "the last 0.5" in both["aria"]["label"]["description"]
