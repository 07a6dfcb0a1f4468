"""What another early-termination policy would have done to a sweep that has run.

The reports are gone through in the order in which they arrived. A trial that the policy would
have stopped reports no more; all else, such as when a trial started, is left as it was. Reports
that a trial never made, because it was stopped at the time, are not there to be judged.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.search.policies import History, Policy, evaluate
from app.sweep.early_termination import TruncationSelectionPolicy
from app.sweep.state import Decision, Goal, Metric, Trial, TrialStatus, best_trial


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedStop:
    """A trial that the policy would have stopped.

    Attributes:
        decision: the numbers behind the stop.
        saved_seconds: from the report to the trial's end; 0 for a trial without an end.
        status: how the trial really ended.
        objective_value: what it really reached.
    """

    trial: int
    decision: Decision
    saved_seconds: float
    status: TrialStatus
    objective_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The outcome of a policy on recorded reports.

    Attributes:
        stops: in the order in which they would have happened.
        saved_seconds: trial time saved, of `total_seconds` that the trials took.
        evaluations: how often a trial was judged.
        winner: the sweep's best trial; None when it has none.
        winner_stopped: whether the policy would have stopped that trial.
        best_left: the best trial among those that would have gone on to their end.
    """

    stops: Sequence[ReplayedStop]
    saved_seconds: float
    total_seconds: float
    evaluations: int
    winner: Trial | None
    winner_stopped: bool
    best_left: Trial | None


def replayed(
    policy: Policy, goal: Goal, trials: Sequence[Trial], reports: Sequence[Metric]
) -> Replay:
    """Run a policy over what was recorded.

    Args:
        policy: the early-termination policy.
        goal: whether small or large values are good.
        trials: all trials of the sweep.
        reports: of the primary metric and of each trial's latest attempt, oldest first.
    """
    known = {trial.number: trial for trial in trials}
    histories: dict[int, History] = {}
    stops: dict[int, ReplayedStop] = {}
    evaluations = 0
    for report in reports:
        trial = known.get(report.trial)
        if trial is None or report.trial in stops:
            continue
        history = histories.setdefault(report.trial, History(goal))
        history.add(report.value)
        decision = evaluate(
            policy,
            goal,
            histories,
            _finished(policy, known, stops, report.recorded_at),
            trial=report.trial,
            interval=len(history.losses),
            attempt=report.attempt,
            recorded_at=report.recorded_at,
        )
        evaluations += decision is not None
        if decision is not None and decision.verdict == "stop":
            stops[report.trial] = _stop(trial, decision)
    return _outcome(goal, trials, stops, evaluations)


def _finished(
    policy: Policy,
    trials: Mapping[int, Trial],
    stops: Mapping[int, ReplayedStop],
    at: datetime,
) -> Collection[int]:
    """The trials that had ended by then; only one setting of one policy asks for them."""
    if not (isinstance(policy, TruncationSelectionPolicy) and policy.exclude_finished_jobs):
        return ()
    ended = {
        number
        for number, trial in trials.items()
        if trial.finished_at is not None and trial.finished_at <= at
    }
    return ended | stops.keys()


def _stop(trial: Trial, decision: Decision) -> ReplayedStop:
    end = trial.finished_at
    seconds = 0.0 if end is None else (end - decision.recorded_at).total_seconds()
    return ReplayedStop(
        trial=trial.number,
        decision=decision,
        saved_seconds=max(0.0, seconds),
        status=trial.status,
        objective_value=trial.objective_value,
    )


def _outcome(
    goal: Goal, trials: Sequence[Trial], stops: Mapping[int, ReplayedStop], evaluations: int
) -> Replay:
    winner = best_trial(trials, goal)
    return Replay(
        stops=list(stops.values()),
        saved_seconds=sum(stop.saved_seconds for stop in stops.values()),
        total_seconds=sum(trial.duration_seconds or 0.0 for trial in trials),
        evaluations=evaluations,
        winner=winner,
        winner_stopped=winner is not None and winner.number in stops,
        best_left=best_trial((trial for trial in trials if trial.number not in stops), goal),
    )
