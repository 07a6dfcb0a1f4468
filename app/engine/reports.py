"""What the trials of a sweep have reported: each report's place in line, and the histories."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from app.search.policies import History, Policy, evaluate
from app.sweep.state import Decision, Goal, Metric


class Reports:
    """The reports of every trial's latest attempt, as far as decisions need them."""

    def __init__(self, goal: Goal) -> None:
        self._histories: dict[int, History] = {}
        self._goal: Goal = goal
        self._intervals: defaultdict[int, defaultdict[str, int]] = defaultdict(
            lambda: defaultdict(int)
        )

    def next_interval(self, trial: int, name: str) -> int:
        """The place of the trial's next report of that metric, from 1."""
        self._intervals[trial][name] += 1
        return self._intervals[trial][name]

    def add(self, metric: Metric) -> None:
        """Take note of a report of the primary metric."""
        self._histories.setdefault(metric.trial, History(self._goal)).add(metric.value)

    def judge(
        self, policy: Policy, metric: Metric, finished: Collection[int], *, alive: bool
    ) -> Decision | None:
        """Hold a trial's report against the policy; None when it is not judged at this interval.

        Args:
            policy: of the sweep.
            metric: the report, which was added before.
            finished: numbers of the trials that have ended.
            alive: False when the trial has ended by itself, so that a stop comes too late.
        """
        decision = evaluate(
            policy,
            self._goal,
            self._histories,
            finished,
            trial=metric.trial,
            interval=metric.interval,
            attempt=metric.attempt,
            recorded_at=metric.recorded_at,
        )
        if decision is None:
            return None
        return replace(decision, too_late=decision.verdict == "stop" and not alive)

    def forget(self, trial: int) -> None:
        """The trial begins anew."""
        self._histories.pop(trial, None)
        self._intervals.pop(trial, None)
