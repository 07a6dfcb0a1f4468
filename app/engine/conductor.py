"""Observe, plan, act: moves every sweep of the workspace forward by its plan.

Runs on the engine's loop only. Processes and MLflow are asked to do things and answer later;
what they answered is written to the sweep's journal before anything else happens.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress

from app.engine.attempts import Attempt, Attempts, outcome_of
from app.engine.draws import Draws
from app.engine.journal import Journal, read
from app.engine.launcher import Exited, Launcher, ParentLost
from app.engine.rendering import launch_of
from app.engine.sweep_run import SweepRun
from app.engine.tracking import Tracking
from app.engine.workspace import UnknownNameError, Workspace
from app.search.plan import Finish, Start, Stop, plan
from app.sweep.command import CommandError
from app.sweep.record import Submission
from app.sweep.state import TrialStatus


class Conductor:
    """The sweeps of one workspace and the attempts that run for them."""

    def __init__(
        self,
        workspace: Workspace,
        launcher: Launcher,
        tracking: Tracking,
        *,
        slots: int,
        grace: float,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        """Take over the workspace.

        Args:
            workspace: the folder; its lock is held by the caller.
            launcher: starts and signals processes.
            tracking: writes MLflow's store.
            slots: how many trials run at once, over all sweeps.
            grace: seconds between SIGTERM and SIGKILL.
            post: has a function called on the loop; safe from any thread.
        """
        self._workspace = workspace
        self._tracking = tracking
        self._slots = slots
        self._post = post
        self._runs: dict[str, SweepRun] = {}
        self._attempts = Attempts(launcher, grace=grace)
        self._dirty: set[str] = set()
        self._draws = Draws(post, self._dirty.add)
        self._stopping = False

    @property
    def idle(self) -> bool:
        """True when no attempt is left."""
        return len(self._attempts) == 0

    def take_up(self) -> None:
        """Go on with every sweep that an earlier engine left unfinished."""
        for name in self._workspace.names():
            submission = self._workspace.read_submission(name)
            entries, _, _ = read(self._workspace.journal(name))
            ended = any(entry.sweep and entry.sweep.status.finished for entry in entries)
            if submission is not None and not ended:
                run = SweepRun(submission, Journal(self._workspace.journal(name)), entries)
                self._adopt(run)

    def submit(self, submission: Submission) -> None:
        """Take a sweep; one that is known already is left as it is."""
        if self._workspace.read_submission(submission.name) is not None:
            return
        self._workspace.write_submission(submission)
        journal = Journal(self._workspace.journal(submission.name))
        self._adopt(SweepRun(submission, journal, ()))

    def cancel(self, name: str) -> None:
        """End a sweep; one that has ended stays as it is.

        Raises:
            UnknownNameError: there never was such a sweep.
        """
        self._workspace.require(name)
        if name in self._runs:
            self._runs[name].cancel("canceled on request", time.monotonic())
            self._dirty.add(name)

    def cancel_trial(self, name: str, number: int) -> None:
        """End one trial; one that has ended stays as it is.

        Raises:
            UnknownNameError: there is no such trial.
        """
        self._workspace.require(name)
        run = self._runs.get(name)
        if run is not None and number in run.trials:
            self._stop_trial(run, Stop(number, TrialStatus.CANCELED, "canceled on request"))
            self._dirty.add(name)

    def purge(self, name: str) -> None:
        """Remove a sweep that is not live.

        Raises:
            UnknownNameError: it is live.
        """
        if name in self._runs:
            raise UnknownNameError(f"sweep {name} is still live; cancel it first")
        self._workspace.remove_sweep(name)

    def attempt(self, token: str) -> Attempt | None:
        """The live attempt of that token."""
        return self._attempts.get(token)

    def reported(self, attempt: Attempt, name: str, step: int, value: float) -> None:
        """A running trial logged a value: write it down and judge it."""
        run = self._runs[attempt.sweep]
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

    def advance(self) -> float | None:
        """Act on the plans of all sweeps that need it; returns when to be called again.

        Returns:
            Monotonic seconds of the next deadline; None when only events matter.
        """
        now = time.monotonic()
        self._attempts.kill_overdue(now)
        if not self._stopping:
            self._act(now)
        return min(self._deadlines(now), default=None)

    def flush(self) -> list[str]:
        """Write the journals; the names of the sweeps with news."""
        changed = [name for name, run in self._runs.items() if run.journal.flush()]
        for name in [name for name, run in self._runs.items() if run.state.status.finished]:
            self._runs.pop(name).journal.close()
        return changed

    def stop(self) -> None:
        """Stop all trials in order; they wait for the next engine."""
        self._stopping = True
        self._attempts.interrupt_all()

    def close(self) -> None:
        """Wait for the draw that is under way and close the journals."""
        self._draws.close()
        for run in self._runs.values():
            run.journal.close()

    def _adopt(self, run: SweepRun) -> None:
        run.take_up(time.monotonic())
        self._runs[run.name] = run
        self._dirty.add(run.name)
        self._tracking.sweep_run(run.name, run.document.experiment_name)

    def _act(self, now: float) -> None:
        """Give free slots away one at a time, to the sweep with the fewest running trials first."""
        due = self._dirty | {name for name, run in self._runs.items() if run.timed}
        self._dirty.clear()
        waiting = {name for name in due if name in self._runs}
        while waiting:
            name = min(waiting, key=lambda name: (len(self._attempts.of(name)), name))
            free = self._slots - len(self._attempts)
            if not self._act_on(self._runs[name], now, min(free, 1)):
                waiting.discard(name)

    def _act_on(self, run: SweepRun, now: float, free: int) -> bool:
        """Act on one sweep's plan; True when a trial was started, so that more may follow."""
        started = False
        since = {n: attempt.since for n, attempt in self._attempts.of(run.name).items()}
        for action in plan(run.document, run.progress(now, since), free_slots=free):
            match action:
                case Start():
                    started = self._start_trial(run, action.number)
                case Stop():
                    self._stop_trial(run, action)
                case Finish():
                    run.finish(action.status, action.reason, now)
                    self._tracking.end_sweep(run.name, action.status)
        return started

    def _start_trial(self, run: SweepRun, number: int) -> bool:
        if number not in run.trials and not self._draws.draw(run, number):
            return False
        trial = run.trials[number]
        attempt = self._attempts.begin(run.name, number, trial.attempt)
        try:
            folder = self._workspace.fresh_trial(run.name, number, run.submission.code)
        except OSError as error:
            self._end(attempt, TrialStatus.FAILED, f"its folder could not be made: {error}")
            return True
        future = self._tracking.trial_run(
            run.name,
            number,
            parameters=trial.parameters,
            artifacts=folder.artifacts,
        )

        def tell(done: Future[str]) -> None:
            self._post(lambda: self._launch(attempt, done))

        future.add_done_callback(tell)
        return True

    def _launch(self, attempt: Attempt, run_id: Future[str]) -> None:
        """The attempt has its MLflow run: start its process."""
        if self._attempts.get(attempt.token) is not attempt:
            return
        run = self._runs[attempt.sweep]
        if attempt.stop is not None:
            self._end(attempt, attempt.stop.outcome, attempt.stop.reason)
            return
        try:
            attempt.run_id = run_id.result()
            attempt.runs.add(attempt.run_id)
            launch = launch_of(
                run.submission,
                run.trials[attempt.number],
                self._workspace.trial(run.name, attempt.number),
                token=attempt.token,
                tracking=self._tracking.environment(attempt.run_id, run.document.experiment_name),
            )
        except (CommandError, OSError) as error:
            self._end(attempt, TrialStatus.FAILED, str(error))
            return
        self._attempts.launch(attempt, launch)
        run.started(attempt.number, attempt.run_id, attempt.since)

    def _stop_trial(self, run: SweepRun, stop: Stop) -> None:
        attempt = self._attempts.of(run.name).get(stop.number)
        if attempt is not None:
            self._attempts.terminate(attempt, stop)
        elif not run.trials[stop.number].status.finished:
            run.ended_as(stop.number, stop.outcome, stop.reason, now=time.monotonic())

    def _exited(self, attempt: Attempt, returncode: int) -> None:
        if self._stopping and attempt.stop is None:
            self._lost(attempt, "interrupted: the service was stopped")
            return
        stderr = self._workspace.trial(attempt.sweep, attempt.number).log("stderr")
        outcome, reason = outcome_of(attempt, returncode, stderr)
        self._end(attempt, outcome, reason, returncode)

    def _end(
        self, attempt: Attempt, outcome: TrialStatus, reason: str | None, code: int | None = None
    ) -> None:
        now = time.monotonic()
        run = self._runs[attempt.sweep]
        seconds = now - attempt.since if attempt.launched else None
        run.ended_as(attempt.number, outcome, reason, exit_code=code, seconds=seconds, now=now)
        self._forget(attempt, outcome)

    def _lost(self, attempt: Attempt, reason: str) -> None:
        self._runs[attempt.sweep].requeue(attempt.number, reason)
        self._forget(attempt, TrialStatus.CANCELED)

    def _forget(self, attempt: Attempt, outcome: TrialStatus) -> None:
        self._attempts.forget(attempt)
        self._dirty |= set(self._runs)
        if attempt.run_id is not None:
            self._tracking.end_trial(attempt.run_id, outcome)

    def _deadlines(self, now: float) -> Iterator[float]:
        for attempt in self._attempts:
            limit = self._runs[attempt.sweep].document.limits.trial_timeout
            if attempt.kill_at is not None:
                yield attempt.kill_at
            elif limit is not None and attempt.stop is None:
                yield attempt.since + limit
        for run in self._runs.values():
            if (deadline := run.deadline(now)) is not None:
                yield deadline
