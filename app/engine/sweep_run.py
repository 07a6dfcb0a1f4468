"""One sweep as the engine knows it: its trials, their reports, and every change written down.

Nothing here starts or stops a process. What is in memory can be made again from the journal.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from app.engine.journal import Entry, Journal, SweepState
from app.search.bayesian import Observation
from app.search.plan import Progress
from app.search.policies import History, evaluate
from app.search.samplers import sampler_of
from app.sweep.record import Submission
from app.sweep.state import (
    Decision,
    Metric,
    Parameters,
    SweepStatus,
    Trial,
    TrialStatus,
    loss,
    with_reports,
)


def now_utc() -> datetime:
    """The wall clock, for records; decisions about time use the monotonic clock."""
    return datetime.now(UTC)


class SweepRun:
    """The state of one sweep."""

    def __init__(self, submission: Submission, journal: Journal, entries: Iterable[Entry]) -> None:
        """Take up a sweep where its journal left it.

        Args:
            submission: what was asked for.
            journal: where changes are written.
            entries: what the journal holds already; empty for a new sweep.
        """
        self.submission = submission
        self.document = submission.document
        self.sampler = sampler_of(submission.document)
        self.journal = journal
        self.state = SweepState(status=SweepStatus.QUEUED)
        self.trials: dict[int, Trial] = {}
        self.ended: list[int] = []
        self._histories: dict[int, History] = {}
        self._intervals: defaultdict[tuple[int, str], int] = defaultdict(int)
        self._resumed_at = 0.0
        self._elapsed_before = 0.0
        for entry in entries:
            self._fold(entry)
        self._elapsed_before = self.state.elapsed_seconds

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.submission.name

    def progress(self, now: float, running_since: Mapping[int, float]) -> Progress:
        """What the plan needs.

        Args:
            now: monotonic seconds.
            running_since: when each live attempt started (monotonic), those about to start too.
        """
        live = {
            number: replace(trial, status=TrialStatus.RUNNING) if number in running_since else trial
            for number, trial in self.trials.items()
        }
        return Progress(
            trials=live,
            ended=[self.trials[number].status for number in self.ended],
            running_seconds={number: now - since for number, since in running_since.items()},
            elapsed_seconds=self.elapsed(now),
            exhausted=self.state.exhausted,
            cancel_reason=self.state.cancel_reason,
        )

    def elapsed(self, now: float) -> float:
        """Seconds for which the sweep was worked on, by this engine and earlier ones."""
        here = now - self._resumed_at if self._resumed_at else 0.0
        return self._elapsed_before + here

    @property
    def timed(self) -> bool:
        """True when the mere passing of time can end the sweep or one of its trials."""
        limits = self.document.limits
        return limits.timeout is not None or limits.trial_timeout is not None

    def deadline(self, now: float) -> float | None:
        """When the sweep's own time is up (monotonic); None without a limit or after it."""
        timeout = self.document.limits.timeout
        left = None if timeout is None else timeout - self.elapsed(now)
        return now + left if left is not None and left > 0 else None

    def take_up(self, now: float) -> None:
        """Count time from now on; trials that an earlier engine left running wait again."""
        self._resumed_at = now
        for trial in list(self.trials.values()):
            if trial.status is TrialStatus.RUNNING:
                self.requeue(trial.number, "interrupted: the engine stopped while it ran")

    def drawing(self, number: int) -> Callable[[], Parameters | None]:
        """The draw of a new trial, by what is known at this moment; any thread may do it."""
        if self.sampler.initial is None:
            return partial(self.sampler.draw, number, (), ())
        goal = self.document.objective.goal
        ended = [self.trials[each] for each in self.ended]
        finished = [
            Observation(
                trial.parameters,
                None if trial.objective_value is None else loss(trial.objective_value, goal),
            )
            for trial in ended
            if trial.status is not TrialStatus.CANCELED
        ]
        waiting = (trial for _, trial in sorted(self.trials.items()) if not trial.status.finished)
        return partial(self.sampler.draw, number, finished, [trial.parameters for trial in waiting])

    def queue(self, number: int, parameters: Parameters | None) -> bool:
        """Let a drawn trial wait; False, when there was no point left to draw."""
        if parameters is None:
            self._set_state(replace(self.state, exhausted=True))
            return False
        self._set_trial(Trial(number=number, parameters=parameters, queued_at=now_utc()))
        return True

    def started(self, number: int, run_id: str, now: float) -> None:
        """The trial's process runs."""
        at = now_utc()
        if self.state.status is SweepStatus.QUEUED:
            self._set_state(replace(self.state, status=SweepStatus.RUNNING, started_at=at), now)
        self._forget_reports(number)
        trial = self.trials[number]
        self._set_trial(
            replace(trial, status=TrialStatus.RUNNING, started_at=at, provider_run_id=run_id)
        )

    def ended_as(
        self,
        number: int,
        outcome: TrialStatus,
        reason: str | None,
        *,
        exit_code: int | None = None,
        seconds: float | None = None,
        now: float,
    ) -> None:
        """The trial has its outcome; `seconds` is how long its attempt ran."""
        trial = with_reports(
            replace(
                self.trials[number],
                status=outcome,
                status_reason=reason,
                exit_code=exit_code,
                finished_at=now_utc(),
                duration_seconds=seconds,
            ),
            (),
            self.document.objective.primary_metric,
            self.document.objective.goal,
        )
        self.ended.append(number)
        self._set_trial(trial)
        if self.document.limits.timeout is not None:
            self._set_state(self.state, now)

    def requeue(self, number: int, reason: str) -> None:
        """Let an interrupted trial run again, with the same parameters, as its next attempt."""
        trial = self.trials[number]
        self._forget_reports(number)
        self._set_trial(
            Trial(
                number=number,
                parameters=trial.parameters,
                attempt=trial.attempt + 1,
                status_reason=reason,
                queued_at=now_utc(),
            )
        )

    def report(self, number: int, name: str, step: int, value: float) -> Metric:
        """Write down a value that a running trial logged; its interval is its place in line."""
        self._intervals[number, name] += 1
        metric = Metric(
            trial=number,
            attempt=self.trials[number].attempt,
            name=name,
            interval=self._intervals[number, name],
            step=step,
            value=value,
            recorded_at=now_utc(),
        )
        self.journal.append(Entry(metric=metric))
        self._count(metric)
        return metric

    def judge(self, metric: Metric, *, alive: bool) -> Decision | None:
        """Hold the trial's report against the policy; None when there is nothing to judge.

        Args:
            metric: the report, just written down.
            alive: False when the trial has ended by itself, so that a stop comes too late.
        """
        policy = self.document.early_termination
        if policy is None or metric.name != self.document.objective.primary_metric:
            return None
        finished = {n for n, trial in self.trials.items() if trial.status.finished}
        decision = evaluate(
            policy,
            self.document.objective.goal,
            self._histories,
            finished,
            trial=metric.trial,
            interval=metric.interval,
            attempt=metric.attempt,
            recorded_at=metric.recorded_at,
        )
        if decision is None:
            return None
        decision = replace(decision, too_late=decision.verdict == "stop" and not alive)
        self.journal.append(Entry(decision=decision))
        return decision

    def cancel(self, reason: str, now: float) -> None:
        """Somebody asked for the end."""
        if not self.state.status.finished and self.state.cancel_reason is None:
            canceling = replace(
                self.state, status=SweepStatus.CANCELING, cancel_reason=reason, reason=reason
            )
            self._set_state(canceling, now)

    def finish(self, status: SweepStatus, reason: str | None, now: float) -> None:
        """The sweep has its outcome."""
        ended = replace(self.state, status=status, reason=reason, finished_at=now_utc())
        self._set_state(ended, now)

    def _fold(self, entry: Entry) -> None:
        if entry.sweep is not None:
            self.state = entry.sweep
        if entry.trial is not None:
            before = self.trials.get(entry.trial.number)
            if before is not None and before.attempt != entry.trial.attempt:
                self._forget_reports(entry.trial.number)
            self.trials[entry.trial.number] = entry.trial
            if entry.trial.status.finished:
                self.ended.append(entry.trial.number)
        if entry.metric is not None:
            self._intervals[entry.metric.trial, entry.metric.name] += 1
            self._count(entry.metric)

    def _count(self, metric: Metric) -> None:
        objective = self.document.objective
        if metric.name == objective.primary_metric:
            history = self._histories.setdefault(metric.trial, History(objective.goal))
            history.add(metric.value)
            self.trials[metric.trial] = with_reports(
                self.trials[metric.trial], [metric], objective.primary_metric, objective.goal
            )

    def _forget_reports(self, number: int) -> None:
        self._histories.pop(number, None)
        for key in [key for key in self._intervals if key[0] == number]:
            del self._intervals[key]

    def _set_trial(self, trial: Trial) -> None:
        self.trials[trial.number] = trial
        self.journal.append(Entry(trial=trial))

    def _set_state(self, state: SweepState, now: float | None = None) -> None:
        elapsed = state.elapsed_seconds if now is None else self.elapsed(now)
        self.state = replace(state, elapsed_seconds=elapsed)
        self.journal.append(Entry(sweep=self.state))
