"""Trials from their start to their outcome.

Processes and MLflow are asked to do things and answer later; what they answered is written to the
sweep's journal before anything else happens.
"""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress

from app.engine.attempts import Attempt, Attempts
from app.engine.imports import imports_of
from app.engine.launcher import Exited, Launcher, ParentLost
from app.engine.memory import Memory
from app.engine.outcomes import Outcome, outcome_of
from app.engine.rendering import launch_of
from app.engine.sweep_run import SweepRun
from app.engine.sweeps import Sweeps
from app.engine.tracking import Tracking
from app.engine.workspace import Workspace
from app.search.plan import Stop
from app.sweep.command import CommandError
from app.sweep.errors import storage_error
from app.sweep.state import TrialStatus

log = logging.getLogger(__name__)


class Trials:
    """The trials that run now, of all live sweeps."""

    def __init__(
        self,
        workspace: Workspace,
        sweeps: Sweeps,
        launcher: Launcher,
        tracking: Tracking,
        memory: Memory,
        *,
        grace: float,
        post: Callable[[Callable[[], None]], None],
        freed: Callable[[str], None],
    ) -> None:
        """Begin with none.

        Args:
            workspace: has the folders.
            sweeps: what the trials do is written down there.
            launcher: starts and signals processes.
            tracking: writes MLflow's store.
            memory: knows whether it ran out.
            grace: seconds between SIGTERM and SIGKILL.
            post: has a function called on the loop; safe from any thread.
            freed: called with the sweep of a trial that has ended: a slot is free again.
        """
        self._workspace = workspace
        self._sweeps = sweeps
        self._tracking = tracking
        self._memory = memory
        self._post = post
        self._freed = freed
        self._launcher = launcher
        self._attempts = Attempts(launcher, grace=grace)
        self._stopping = False

    def __len__(self) -> int:
        return len(self._attempts)

    def counts(self) -> dict[str, int]:
        """How many run of each sweep."""
        return self._attempts.counts()

    def since(self, sweep: str) -> dict[int, float]:
        """When each running trial of a sweep was started (monotonic seconds)."""
        return {number: attempt.since for number, attempt in self._attempts.of(sweep).items()}

    def expect(self, run: SweepRun) -> None:
        """Make ready for a sweep's trials: have imported what their script imports.

        Not with variables of the document's own, which may decide what an import does.
        """
        trial = run.document.trial
        if not trial.environment_variables:
            self._launcher.preload(imports_of(trial.command, run.submission.code))

    def start(self, run: SweepRun, number: int) -> None:
        """Run a waiting trial."""
        trial = run.trials[number]
        attempt = self._attempts.begin(run.name, number, trial.attempt)
        try:
            folder = self._workspace.fresh_trial(run.name, number, run.submission.code)
        except OSError as error:
            self._not_started(attempt, error, f"its folder could not be made: {error}")
            return
        future = self._tracking.trial_run(
            run.name,
            number,
            parameters=trial.parameters,
            artifacts=folder.artifacts,
        )

        def tell(done: Future[str]) -> None:
            self._post(lambda: self._launch(attempt, done))

        future.add_done_callback(tell)

    def stop(self, run: SweepRun, stop: Stop) -> None:
        """End a trial with this outcome; one that only waits gets it at once."""
        attempt = self._attempts.of(run.name).get(stop.number)
        if attempt is not None:
            self._attempts.terminate(attempt, stop)
        elif not run.trials[stop.number].status.finished:
            run.ended_as(stop.number, stop.outcome, stop.reason, now=time.monotonic())

    def attempt(self, token: str) -> Attempt | None:
        """The live attempt of that token."""
        return self._attempts.get(token)

    def reported(self, attempt: Attempt, name: str, step: int, value: float) -> None:
        """A running trial logged a value: write it down and judge it."""
        run = self._sweeps[attempt.sweep]
        metric = run.report(attempt.number, name, step, value)
        if attempt.stop is not None:
            return
        alive = self._attempts.alive(attempt)
        decision = run.judge(metric, alive=alive)
        if decision and decision.verdict == "stop" and alive:
            stop = Stop(attempt.number, TrialStatus.EARLY_TERMINATED, decision.reason)
            self._attempts.terminate(attempt, stop)

    def complain(self, attempt: Attempt, words: str) -> None:
        """Say in the trial's stderr.log what could not be done for it."""
        path = self._workspace.trial(attempt.sweep, attempt.number).log("stderr")
        with suppress(OSError), path.open("a", encoding="utf-8") as file:
            file.write(f"sweepfront: {words}\n")

    def handle(self, event: Exited | ParentLost) -> None:
        """Take note of what the launcher saw."""
        if isinstance(event, ParentLost):
            for attempt in self._attempts:
                if attempt.launched:
                    self._lost(attempt, "interrupted: the process that starts trials was lost")
        elif isinstance(event, Exited):
            ended = self._attempts.get(event.token)
            if ended is not None:
                self._exited(ended, event.returncode)

    def interrupt_all(self) -> None:
        """Stop all of them without an outcome; they wait for the next engine."""
        self._stopping = True
        self._attempts.interrupt_all()

    def kill_overdue(self, now: float) -> None:
        """SIGKILL for those whose grace has run out."""
        self._attempts.kill_overdue(now)

    def deadlines(self) -> Iterator[float]:
        """When a trial's time or grace runs out (monotonic seconds)."""
        for attempt in self._attempts:
            limit = self._sweeps[attempt.sweep].document.limits.trial_timeout
            if attempt.kill_at is not None:
                yield attempt.kill_at
            elif limit is not None and attempt.stop is None:
                yield attempt.since + limit

    def _launch(self, attempt: Attempt, run_id: Future[str]) -> None:
        """The attempt has its MLflow run: start its process."""
        if self._attempts.get(attempt.token) is not attempt:
            return
        run = self._sweeps[attempt.sweep]
        if run_id.exception() is None:
            # Taken note of before anything else, so that the run gets its end in any case.
            attempt.run_id = run_id.result()
            attempt.runs.add(attempt.run_id)
        if attempt.stop is not None:
            self._end(attempt, Outcome(attempt.stop.outcome, attempt.stop.reason))
            return
        try:
            attempt.run_id = run_id.result()
            launch = launch_of(
                run.submission,
                run.trials[attempt.number],
                self._workspace.trial(run.name, attempt.number),
                token=attempt.token,
                tracking=self._tracking.environment(attempt.run_id, run.document.experiment_name),
            )
        except (CommandError, OSError) as error:
            self._not_started(attempt, error, str(error))
            return
        attempt.kills = self._memory.kills()
        self._attempts.launch(attempt, launch)
        run.started(attempt.number, attempt.run_id, attempt.since)

    def _not_started(self, attempt: Attempt, error: Exception, reason: str) -> None:
        """The trial fails, unless it is only the disk: then it waits on, as it was."""
        if isinstance(error, OSError) and storage_error(error) is not None:
            self._sweeps.storage.failed(error)
            self._forget(attempt, TrialStatus.CANCELED)
        else:
            self._end(attempt, Outcome(TrialStatus.FAILED, reason))

    def _exited(self, attempt: Attempt, returncode: int) -> None:
        if self._stopping and attempt.stop is None:
            self._lost(attempt, "interrupted: the service was stopped")
            return
        folder = self._workspace.trial(attempt.sweep, attempt.number)
        ran_out = returncode != 0 and self._memory.kills() > attempt.kills
        self._end(
            attempt, outcome_of(attempt, returncode, folder, memory_ran_out=ran_out), returncode
        )

    def _end(self, attempt: Attempt, outcome: Outcome, code: int | None = None) -> None:
        now = time.monotonic()
        seconds = now - attempt.since if attempt.launched else None
        run = self._sweeps[attempt.sweep]
        self._tell(run, attempt, outcome)
        run.ended_as(
            attempt.number,
            outcome.status,
            outcome.reason,
            exit_code=code,
            fingerprint=outcome.fingerprint,
            seconds=seconds,
            now=now,
        )
        self._forget(attempt, outcome.status)

    def _tell(self, run: SweepRun, attempt: Attempt, outcome: Outcome) -> None:
        """Log the end: a trial that went well is of interest to those only who look closely."""
        failed = outcome.status is TrialStatus.FAILED
        log.log(
            logging.INFO if failed else logging.DEBUG,
            "trial %s: %s",
            outcome.status,
            outcome.reason or "by itself",
            extra={
                "sweep": run.name,
                "request_id": run.submission.request_id,
                "trial": attempt.number,
            },
        )

    def _lost(self, attempt: Attempt, reason: str) -> None:
        if attempt.stop is not None:
            self._end(attempt, Outcome(attempt.stop.outcome, attempt.stop.reason))
            return
        self._sweeps[attempt.sweep].requeue(attempt.number, reason)
        self._forget(attempt, TrialStatus.CANCELED)

    def _forget(self, attempt: Attempt, outcome: TrialStatus) -> None:
        self._attempts.forget(attempt)
        self._freed(attempt.sweep)
        if attempt.run_id is not None:
            self._tracking.end_trial(attempt.run_id, outcome)
