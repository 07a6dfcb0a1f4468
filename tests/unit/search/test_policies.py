import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search.policies import MAX_COMPARED, History, Policy, evaluate
from app.sweep.early_termination import (
    BanditPolicy,
    MedianStoppingPolicy,
    TruncationSelectionPolicy,
)
from app.sweep.state import Decision

MIN: Literal["minimize"] = "minimize"
MAX: Literal["maximize"] = "maximize"
NAN, INF = math.nan, math.inf
MEDIAN = MedianStoppingPolicy(type="median_stopping")


def bandit(**settings: float) -> BanditPolicy:
    """A bandit policy."""
    return BanditPolicy.model_validate({"type": "bandit", **settings})


def truncation(percentage: int, *, exclude: bool = False) -> TruncationSelectionPolicy:
    """A truncation policy."""
    return TruncationSelectionPolicy(
        type="truncation_selection", truncation_percentage=percentage, exclude_finished_jobs=exclude
    )


def judge(
    policy: Policy,
    goal: Literal["minimize", "maximize"],
    reports: Sequence[Sequence[float]],
    *,
    trial: int = 0,
    interval: int | None = None,
    finished: Collection[int] = (),
) -> Decision | None:
    """Judge a trial (the first) at an interval (its last report) among all these reports."""
    histories = {}
    for number, values in enumerate(reports):
        histories[number] = History(goal)
        for value in values:
            histories[number].add(value)
    return evaluate(
        policy,
        goal,
        histories,
        finished,
        trial=trial,
        interval=interval or len(reports[trial]),
        attempt=1,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def stops(*args: object, **kwargs: object) -> bool:
    """True when the verdict is to stop."""
    decision = judge(*args, **kwargs)  # type: ignore[arg-type]
    assert decision is not None
    return decision.verdict == "stop"


CASES: Mapping[str, tuple[Policy, Literal["minimize", "maximize"], list[list[float]], bool]] = {
    # Azure's worked examples: best 0.8, slack factor 0.2 stops below 0.8 / 1.2; 0.1 below 91 %.
    "azure 0.8/1.2 below": (bandit(slack_factor=0.2), MAX, [[0.666], [0.8]], True),
    "azure 0.8/1.2 above": (bandit(slack_factor=0.2), MAX, [[0.667], [0.8]], False),
    "azure 91 % below": (bandit(slack_factor=0.1), MAX, [[0.909], [1.0]], True),
    "azure 91 % above": (bandit(slack_factor=0.1), MAX, [[0.91], [1.0]], False),
    "ratio at the edge, minimise": (bandit(slack_factor=0.5), MIN, [[3.0], [2.0]], False),
    "ratio over the edge, minimise": (bandit(slack_factor=0.5), MIN, [[3.01], [2.0]], True),
    "amount at the edge, minimise": (bandit(slack_amount=1), MIN, [[3.0], [2.0]], False),
    "amount over the edge, minimise": (bandit(slack_amount=1), MIN, [[3.01], [2.0]], True),
    "amount at the edge, maximise": (bandit(slack_amount=1), MAX, [[1.0], [2.0]], False),
    "amount under the edge, maximise": (bandit(slack_amount=1), MAX, [[0.99], [2.0]], True),
    "its best counts, not its last": (bandit(slack_amount=1), MIN, [[2, 9.0], [2.0, 1.5]], False),
    # B = -10: abs(B) * 0.5 = 5 for minimise, abs(B) * 0.5 / 1.5 = 3.33 for maximise.
    "negative best, minimise, within": (bandit(slack_factor=0.5), MIN, [[-5.0], [-10.0]], False),
    "negative best, minimise, beyond": (bandit(slack_factor=0.5), MIN, [[-4.9], [-10.0]], True),
    "negative best, maximise, within": (bandit(slack_factor=0.5), MAX, [[-13.3], [-10.0]], False),
    "negative best, maximise, beyond": (bandit(slack_factor=0.5), MAX, [[-13.4], [-10.0]], True),
    "best of zero allows nothing": (bandit(slack_factor=0.5), MIN, [[1e-9], [0.0]], True),
    "best of zero itself goes on": (bandit(slack_factor=0.5), MIN, [[0.0], [0.0]], False),
    "bandit alone": (bandit(slack_amount=1), MIN, [[9.0]], False),
    "bandit, NaN is worst": (bandit(slack_amount=1), MIN, [[NAN], [9.0]], True),
    "bandit, infinity is worst": (bandit(slack_amount=1), MAX, [[INF], [9.0]], True),
    "bandit, nothing finite": (bandit(slack_amount=1), MIN, [[NAN], [INF]], False),
    "bandit, others too short": (bandit(slack_amount=1), MIN, [[9, 9.0], [1.0]], False),
    # Medians: the others' running means and its own are compared with its best.
    "median, its best is worse": (MEDIAN, MIN, [[5, 4.0], [3, 1.0], [2, 2.0]], True),
    "median, as good as the median": (MEDIAN, MIN, [[9, 2.0], [3, 1.0], [2, 2.0]], False),
    "median of two": (MEDIAN, MIN, [[3.0], [2.0]], True),
    "median of two, the better": (MEDIAN, MIN, [[2.0], [3.0]], False),
    "median, maximise": (MEDIAN, MAX, [[5, 4.0], [7, 6.0], [8, 9.0]], True),
    "median, maximise, good": (MEDIAN, MAX, [[5, 7.0], [7, 6.0], [8, 9.0]], False),
    "median alone": (MEDIAN, MIN, [[5.0, 6.0]], False),
    "median, NaN": (MEDIAN, MIN, [[NAN], [1.0], [2.0]], True),
    "median, a NaN before spoils only means": (MEDIAN, MIN, [[NAN, 1], [1, 2.0], [2, 2.0]], False),
    "median, all NaN": (MEDIAN, MIN, [[NAN], [NAN], [NAN]], False),
    # Truncation: floor(50 % of 3) = 1 is cut, floor(20 % of 4) = 0 is not.
    "truncation, the worst": (truncation(50), MIN, [[3.0], [1.0], [2.0]], True),
    "truncation, the middle": (truncation(50), MIN, [[2.0], [1.0], [3.0]], False),
    "truncation, floor": (truncation(20), MIN, [[4.0], [1.0], [2.0], [3.0]], False),
    "truncation, exact": (truncation(25), MIN, [[4.0], [1.0], [2.0], [3.0]], True),
    "truncation, its last counts": (truncation(50), MIN, [[1, 4.0], [2, 2.0]], True),
    "truncation, maximise": (truncation(50), MAX, [[1.0], [2.0]], True),
    "truncation, tie: the later is worse": (truncation(50), MIN, [[1.0], [1.0]], False),
    "truncation, negative": (truncation(50), MIN, [[-1.0], [-2.0]], True),
    "truncation, -infinity is not good": (truncation(50), MIN, [[-INF], [5.0]], True),
}


@pytest.mark.parametrize("name", CASES)
def test_table(name: str) -> None:
    """Worked examples of each policy for both goals, and its edges."""
    policy, goal, reports, expected = CASES[name]
    assert stops(policy, goal, reports) is expected


def test_bandit_shows_its_numbers() -> None:
    """The decision holds what was compared, the threshold, and says it in words."""
    decision = judge(bandit(slack_factor=0.2), MAX, [[0.5], [0.8]])
    assert decision is not None
    assert decision.compared == {0: 0.5, 1: 0.8}
    assert decision.value == 0.5
    assert decision.threshold == pytest.approx(0.8 / 1.2)
    assert decision.reason == (
        "interval 1: best 0.5, the best of 2 trials is 0.8 and the slack allows 0.666667: stopped"
    )


def test_delay_and_interval() -> None:
    """With delay 5 the first decision is at interval 5; then at multiples of the interval only."""
    reports = [[9.0] * 12, [1.0] * 12]

    def judged(policy: Policy) -> list[int]:
        return [n for n in range(1, 13) if judge(policy, MIN, reports, interval=n) is not None]

    assert judged(bandit(slack_amount=1, delay_evaluation=5)) == [5, 6, 7, 8, 9, 10, 11, 12]
    assert judged(bandit(slack_amount=1, evaluation_interval=3)) == [3, 6, 9, 12]
    later = bandit(slack_amount=1, evaluation_interval=3, delay_evaluation=7)
    assert judged(later) == [9, 12]


def test_later_reports_of_others_do_not_count() -> None:
    """At interval n a trial is compared with what others had after n reports."""
    assert not stops(bandit(slack_amount=1), MIN, [[5.0], [5.0, 0.0]])
    assert not stops(MEDIAN, MIN, [[5.0], [5.0, 0.0]])
    assert not stops(truncation(50), MIN, [[5.0], [5.0, 0.0]])


def test_truncation_leaves_finished_ones_out() -> None:
    """With exclude_finished_jobs only running trials and the judged one are compared."""
    reports = [[3.0], [1.0], [2.0]]
    assert stops(truncation(34), MIN, reports, finished={1})
    assert not stops(truncation(34, exclude=True), MIN, reports, finished={1})
    assert stops(truncation(50, exclude=True), MIN, reports, finished={1})
    assert not stops(truncation(99, exclude=True), MIN, reports, finished={0, 1, 2})


def test_a_decision_names_a_bounded_number_of_trials() -> None:
    """Of very many trials those nearest to the threshold are named; the reason counts all."""
    decision = judge(MEDIAN, MIN, [[500.0], *([float(n)] for n in range(400))])
    assert decision is not None
    assert len(decision.compared) == MAX_COMPARED
    assert 200 in decision.compared
    assert "401 trials" in decision.reason


VALUES = st.floats(-1e6, 1e6) | st.sampled_from([NAN, INF, -INF, 0.0])
REPORTS = st.integers(1, 5).flatmap(
    lambda size: st.lists(st.lists(VALUES, min_size=size, max_size=size), min_size=1, max_size=8)
)
POLICIES = st.sampled_from(
    [bandit(slack_amount=0.5), MEDIAN, truncation(30), truncation(75, exclude=True)]
)


@given(POLICIES, REPORTS)
def test_maximise_mirrors_minimise(policy: Policy, reports: list[list[float]]) -> None:
    """Maximising the negated metric gives the same verdicts (a slack factor is not symmetric)."""
    mirrored = [[-value for value in values] for values in reports]
    for trial in range(len(reports)):
        assert stops(policy, MIN, reports, trial=trial) == stops(policy, MAX, mirrored, trial=trial)


@given(POLICIES, REPORTS)
def test_the_best_trial_goes_on(policy: Policy, reports: list[list[float]]) -> None:
    """Whoever is at every interval as good as all others is never stopped, if it is the first."""
    best = [
        min((v for v in column if math.isfinite(v)), default=0.0)
        for column in zip(*reports, strict=True)
    ]
    assert not stops(policy, MIN, [best, *reports])


@given(st.integers(1, 99), st.lists(VALUES, min_size=1, max_size=40))
def test_truncation_cuts_exactly_its_share(percentage: int, values: list[float]) -> None:
    """floor(percentage / 100 * N) trials are cut, never the whole field."""
    reports = [[value] for value in values]
    cut = sum(stops(truncation(percentage), MIN, reports, trial=t) for t in range(len(values)))
    assert cut == percentage * len(values) // 100
