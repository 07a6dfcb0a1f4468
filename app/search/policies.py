"""Early termination: whether a trial stops at an interval, and the numbers that say so.

Rules of Azure ML (https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters),
closed where they are open: a value that is not finite is worse than any finite one, comparisons
are strict, and for a best value B <= 0 bandit's slack factor allows the same fraction of abs(B).
"""

import heapq
import math
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.sweep.early_termination import (
    BanditPolicy,
    MedianStoppingPolicy,
    TruncationSelectionPolicy,
)
from app.sweep.state import Decision, Goal, loss

MAX_COMPARED = 100
"""Trials that a decision names at most: those whose figures are nearest to the threshold."""

Policy = BanditPolicy | MedianStoppingPolicy | TruncationSelectionPolicy


@dataclass(slots=True)
class History:
    """A trial's reports of the primary metric, on a scale where smaller is better.

    Attributes:
        losses: the reports; +inf for what is not finite.
        best: the best of the reports 1..n, for each n.
        means: the mean of the reports 1..n, for each n.
    """

    goal: Goal
    losses: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    means: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        """Count one more report in."""
        new = loss(value, self.goal)
        count = len(self.losses)
        self.losses.append(new)
        self.best.append(min(new, self.best[-1]) if count else new)
        before = self.means[-1] if count else new
        self.means.append(
            before + (new - before) / (count + 1) if math.isfinite(before) else before
        )


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Losses held against each other; `figure` and `measure` are their names in the reason."""

    figure: str
    value: float
    measure: str
    threshold: float | None
    stop: bool
    compared: Mapping[int, float]


def evaluate(
    policy: Policy,
    goal: Goal,
    histories: Mapping[int, History],
    finished: Collection[int],
    *,
    trial: int,
    interval: int,
    attempt: int,
    recorded_at: datetime,
) -> Decision | None:
    """Judge a trial at the interval that it has just reported.

    Args:
        policy: the early-termination policy.
        goal: whether small or large values are good.
        histories: the reports of every trial, the judged one's included.
        finished: the numbers of the trials that have ended.
        trial: the judged trial.
        interval: the number of its report, from 1.
        attempt: the judged trial's attempt.
        recorded_at: when the report arrived.

    Returns:
        The decision on the scale of the metric, where NaN stands for whatever is not finite;
        None when the policy does not judge at this interval.
    """
    if interval < policy.delay_evaluation or interval % policy.evaluation_interval:
        return None
    peers = {n: h for n, h in histories.items() if len(h.losses) >= interval}
    match policy:
        case BanditPolicy():
            result = _bandit(policy, goal, peers, trial, interval - 1)
        case MedianStoppingPolicy():
            result = _median(peers, trial, interval - 1)
        case TruncationSelectionPolicy():
            if policy.exclude_finished_jobs:
                peers = {n: h for n, h in peers.items() if n == trial or n not in finished}
            result = _truncation(policy, peers, trial, interval - 1)
    verdict: Literal["stop", "continue"] = "stop" if result.stop else "continue"
    return Decision(
        trial=trial,
        attempt=attempt,
        interval=interval,
        policy=policy.type,
        value=_shown(result.value, goal),
        threshold=None if result.threshold is None else _shown(result.threshold, goal),
        compared={n: _shown(figure, goal) for n, figure in _nearest(result).items()},
        verdict=verdict,
        reason=_reason(result, goal, interval),
        recorded_at=recorded_at,
    )


def _bandit(
    policy: BanditPolicy, goal: Goal, peers: Mapping[int, History], trial: int, at: int
) -> _Comparison:
    compared = {number: history.best[at] for number, history in peers.items()}
    best = min(compared.values())
    threshold = _slackened(policy, goal, best) if math.isfinite(best) else None
    return _Comparison(
        figure="best",
        value=compared[trial],
        measure=f"the best of {_trials(compared)} is {_number(_shown(best, goal))} "
        "and the slack allows",
        threshold=threshold,
        stop=threshold is not None and compared[trial] > threshold,
        compared=compared,
    )


def _slackened(policy: BanditPolicy, goal: Goal, best: float) -> float:
    """The worst loss that is still allowed."""
    if policy.slack_factor is None:
        return best + (policy.slack_amount or 0.0)
    ratio = 1 + policy.slack_factor
    if goal == "minimize":
        return best * ratio if best > 0 else best + abs(best) * policy.slack_factor
    value = -best
    return -(value / ratio) if value > 0 else best + abs(best) * policy.slack_factor / ratio


def _median(peers: Mapping[int, History], trial: int, at: int) -> _Comparison:
    compared = {number: history.means[at] for number, history in peers.items()}
    threshold = statistics.median(compared.values())
    value = peers[trial].best[at]
    return _Comparison(
        figure="best",
        value=value,
        measure=f"the median of the running means of {_trials(compared)} is",
        threshold=threshold,
        stop=value > threshold,
        compared=compared,
    )


def _truncation(
    policy: TruncationSelectionPolicy, peers: Mapping[int, History], trial: int, at: int
) -> _Comparison:
    compared = {number: history.losses[at] for number, history in peers.items()}
    cut = policy.truncation_percentage * len(compared) // 100
    # Of equal values the one of the later trial counts as worse.
    worst = sorted(compared, key=lambda number: (compared[number], number))[len(compared) - cut :]
    return _Comparison(
        figure="value",
        value=compared[trial],
        measure=f"the {cut} worst of {_trials(compared)} begin at",
        threshold=compared[worst[0]] if worst else None,
        stop=trial in worst,
        compared=compared,
    )


def _nearest(result: _Comparison) -> Mapping[int, float]:
    if len(result.compared) <= MAX_COMPARED or result.threshold is None:
        return dict(sorted(result.compared.items())[:MAX_COMPARED])
    threshold = result.threshold

    def distance(number: int) -> float:
        gap = abs(result.compared[number] - threshold)
        return math.inf if math.isnan(gap) else gap

    nearest = heapq.nsmallest(MAX_COMPARED, result.compared, key=distance)
    return {number: result.compared[number] for number in sorted(nearest)}


def _reason(result: _Comparison, goal: Goal, interval: int) -> str:
    threshold = result.threshold
    limit = "nothing yet" if threshold is None else _number(_shown(threshold, goal))
    value = _number(_shown(result.value, goal))
    end = "stopped" if result.stop else "goes on"
    return f"interval {interval}: {result.figure} {value}, {result.measure} {limit}: {end}"


def _shown(figure: float, goal: Goal) -> float:
    if not math.isfinite(figure):
        return math.nan
    return figure if goal == "minimize" else -figure


def _number(value: float) -> str:
    return f"{value:.6g}"


def _trials(compared: Mapping[int, float]) -> str:
    return f"{len(compared)} trial{'s' if len(compared) != 1 else ''}"
