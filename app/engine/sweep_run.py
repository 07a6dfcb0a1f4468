"""One sweep as the engine knows it: its trials, their reports, and every change written down.

Nothing here starts or stops a process. What is in memory can be made again from the journal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from app.engine.journal import Entry, Journal
from app.engine.reports import Reports
from app.engine.sweep_state import SweepState, now_utc
from app.search.plan import Finish, Progress
from app.search.samplers import sampler_of
from app.sweep.document import SweepDocument
from app.sweep.failure import fingerprint_of
from app.sweep.record import Resumption, Submission
from app.sweep.state import (
    Decision,
    Metric,
    Parameters,
    SweepStatus,
    Trial,
    TrialStatus,
    with_reports,
)


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
        self.sampler = sampler_of(submission.document)
        self.journal = journal
        self.state = SweepState(status=SweepStatus.QUEUED)
        self.trials: dict[int, Trial] = {}
        self.ended: list[int] = []
        self._ended_since: list[int] = []
        self._queued: set[int] = set()
        self._reports = Reports(submission.document.objective.goal)
        self._resumed_at = 0.0
        self._elapsed_before = 0.0
        for entry in entries:
            self._fold(entry)
        self._elapsed_before = self.state.elapsed_seconds

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.submission.name

    @property
    def document(self) -> SweepDocument:
        """The document, with the limits of the last resumption."""
        return self.submission.document

    def progress(self, now: float, running_since: Mapping[int, float]) -> Progress:
        """What the plan needs.

        Args:
            now: monotonic seconds.
            running_since: when each live attempt started (monotonic), those about to start too.
        """
        return Progress(
            trials=self.trials,
            waiting=self._queued - running_since.keys(),
            ended=self._ended_since,
            running_seconds={number: now - since for number, since in running_since.items()},
            elapsed_seconds=self.elapsed(now) - self.state.time_from,
            exhausted=self.state.exhausted or self.state.retrying,
            cancel_reason=self.state.cancel_reason,
            resumed=self.state.resumes > 0 or self.state.retrying,
            afterwards=(
                None
                if self.state.canceled_as is None
                else Finish(SweepStatus.CANCELED, self.state.canceled_as)
            ),
        )

    def elapsed(self, now: float) -> float:
        """Seconds for which the sweep was worked on, by this engine and earlier ones."""
        here = now - self._resumed_at if self._resumed_at else 0.0
        return self._elapsed_before + here

    @property
    def trials_are_timed(self) -> bool:
        """True when the mere passing of time can end one of its trials."""
        return self.document.limits.trial_timeout is not None

    def deadline(self, now: float) -> float | None:
        """When the sweep's own time is up (monotonic); None without a limit, after it or its end."""
        if self.state.status.finished:
            return None
        timeout = self.document.limits.timeout
        spent = self.elapsed(now) - self.state.time_from
        left = None if timeout is None else timeout - spent
        return now + left if left is not None and left > 0 else None

    def take_up(self, now: float) -> None:
        """Count time from now on; trials that an earlier engine left running wait again."""
        self._resumed_at = now
        for number, trial in list(self.trials.items()):
            if trial.status is TrialStatus.RUNNING and number in self.state.dismissed:
                self.ended_as(number, TrialStatus.CANCELED, "canceled on request", now=now)
            elif trial.status is TrialStatus.RUNNING:
                self.requeue(number, "interrupted: the engine stopped while it ran")

    def queue(self, number: int, parameters: Parameters | None) -> bool:
        """Let a drawn trial wait; False, when there was no point left to draw."""
        if parameters is None:
            self._set_state(replace(self.state, exhausted=True))
            return False
        self._set_trial(Trial(number=number, parameters=parameters, queued_at=now_utc()))
        return True

    def started(self, number: int, run_id: str, now: float) -> None:
        """The trial's process runs."""
        trial = self.trials[number]
        at = now_utc(trial.queued_at)
        if self.state.status is SweepStatus.QUEUED:
            self._set_state(replace(self.state, status=SweepStatus.RUNNING, started_at=at), now)
        self._reports.forget(number)
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
        fingerprint: str | None = None,
        seconds: float | None = None,
        now: float,
    ) -> None:
        """The trial has its outcome; `seconds` is how long its attempt ran."""
        failed = outcome is TrialStatus.FAILED
        trial = with_reports(
            replace(
                self.trials[number],
                status=outcome,
                status_reason=reason,
                exit_code=exit_code,
                fingerprint=(fingerprint or fingerprint_of(reason)) if failed else None,
                finished_at=now_utc(self.trials[number].started_at),
                duration_seconds=seconds,
            ),
            (),
            self.document.objective.primary_metric,
            self.document.objective.goal,
        )
        self._set_trial(trial)
        if self.document.limits.timeout is not None:
            self._set_state(self.state, now)

    def requeue(self, number: int, reason: str) -> None:
        """Let a trial run again, with the same parameters, as its next attempt."""
        trial = self.trials[number]
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
        metric = Metric(
            trial=number,
            attempt=self.trials[number].attempt,
            name=name,
            interval=self._reports.next_interval(number, name),
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
        decision = self._reports.judge(policy, metric, finished, alive=alive)
        if decision is not None:
            self.journal.append(Entry(decision=decision))
        return decision

    def cancel(self, reason: str, now: float) -> None:
        """Somebody asked for the end."""
        if not self.state.status.finished and self.state.cancel_reason is None:
            canceling = replace(
                self.state, status=SweepStatus.CANCELING, cancel_reason=reason, reason=reason
            )
            self._set_state(canceling, now)

    def dismiss(self, number: int) -> None:
        """Somebody canceled this one trial: a resumption leaves it canceled."""
        if number not in self.state.dismissed:
            self._set_state(replace(self.state, dismissed=(*self.state.dismissed, number)))

    def resume(self, resumption: Resumption) -> None:
        """The finished sweep goes on; trials that its end canceled run again."""
        self._set_state(self.state.resumed(resumption))
        for number, trial in sorted(self.trials.items()):
            if trial.status is TrialStatus.CANCELED and number not in self.state.dismissed:
                self.requeue(number, "queued again: the sweep was resumed")

    def retry(self, number: int) -> None:
        """The finished trial runs again; a finished sweep goes on for it."""
        state = self.state.reopened() if self.state.status.finished else self.state
        kept = tuple(each for each in state.dismissed if each != number)
        self._set_state(replace(state, dismissed=kept))
        self.requeue(number, "queued again: retried on request")

    def wait_for(self, reason: str | None) -> None:
        """Say why no trial is started now; None, when trials are."""
        if self.state.status is not SweepStatus.CANCELING and self.state.reason != reason:
            self._set_state(replace(self.state, reason=reason))

    def finish(self, status: SweepStatus, reason: str | None, now: float) -> None:
        """The sweep has its outcome."""
        at = now_utc(self.state.started_at)
        self._set_state(replace(self.state, status=status, reason=reason, finished_at=at), now)

    def _fold(self, entry: Entry) -> None:
        if entry.sweep is not None:
            self._take_state(entry.sweep)
        if entry.trial is not None:
            self._take_trial(entry.trial)
        if entry.metric is not None:
            self._reports.next_interval(entry.metric.trial, entry.metric.name)
            self._count(entry.metric)

    def _count(self, metric: Metric) -> None:
        objective = self.document.objective
        if metric.name == objective.primary_metric:
            self._reports.add(metric)
            self.trials[metric.trial] = with_reports(
                self.trials[metric.trial], [metric], objective.primary_metric, objective.goal
            )

    def _take_state(self, state: SweepState) -> None:
        if self.state.status.finished and not state.status.finished:
            self._ended_since.clear()
        if state.limits is not None and state.limits != self.document.limits:
            document = self.document.with_limits(state.limits)
            self.submission = replace(self.submission, document=document)
        self.state = state

    def _take_trial(self, trial: Trial) -> None:
        before = self.trials.get(trial.number)
        if before is not None and before.attempt != trial.attempt:
            self._reports.forget(trial.number)
            for numbers in (self.ended, self._ended_since):
                if trial.number in numbers:
                    numbers.remove(trial.number)
        self.trials[trial.number] = trial
        if trial.status is TrialStatus.QUEUED:
            self._queued.add(trial.number)
        else:
            self._queued.discard(trial.number)
        if trial.status.finished:
            self.ended.append(trial.number)
            self._ended_since.append(trial.number)

    def _set_trial(self, trial: Trial) -> None:
        self._take_trial(trial)
        self.journal.append(Entry(trial=trial))

    def _set_state(self, state: SweepState, now: float | None = None) -> None:
        elapsed = state.elapsed_seconds if now is None else self.elapsed(now)
        self._take_state(replace(state, elapsed_seconds=elapsed))
        self.journal.append(Entry(sweep=self.state))
