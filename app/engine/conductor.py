"""Observe, plan, act: moves every sweep of the workspace forward by its plan.

Runs on the engine's loop only.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from app.engine import leavings
from app.engine.alarms import Alarms
from app.engine.draws import Draws
from app.engine.launcher import Launcher
from app.engine.memory import Memory
from app.engine.scheduling import Scheduling
from app.engine.sweep_run import SweepRun
from app.engine.sweeps import Sweeps
from app.engine.tracking import Tracking
from app.engine.trials import Trials
from app.engine.workspace import UnknownNameError, Workspace
from app.search.plan import Finish, Start, Stop, plan
from app.sweep.record import Resumption, Retrial, Submission
from app.sweep.state import TrialStatus
from app.watching.logs import about

log = logging.getLogger(__name__)


class Conductor:
    """The sweeps of one workspace, and whose turn it is to run a trial."""

    def __init__(
        self,
        workspace: Workspace,
        launcher: Launcher,
        tracking: Tracking,
        *,
        slots: int,
        grace: float,
        min_free_memory: int,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        """Take over the workspace.

        Args:
            workspace: the folder; its lock is held by the caller.
            launcher: starts and signals processes.
            tracking: writes MLflow's store.
            slots: how many trials run at once, over all sweeps.
            grace: seconds between SIGTERM and SIGKILL.
            min_free_memory: bytes that must be free for another trial to start; 0: any.
            post: has a function called on the loop; safe from any thread.
        """
        self._workspace = workspace
        self._tracking = tracking
        memory = Memory()
        self._sweeps = Sweeps(workspace)
        self._scheduling = Scheduling(
            self._sweeps.storage, memory, slots=slots, min_free=min_free_memory
        )
        self.trials = Trials(
            workspace,
            self._sweeps,
            launcher,
            tracking,
            memory,
            grace=grace,
            post=post,
            freed=self._freed,
        )
        """Those that run now."""
        self._dirty: set[str] = set()
        self._slot_freed = False
        self._alarms = Alarms()
        self._draws = Draws(post, self._dirty.add)
        self._stopping = False

    @property
    def idle(self) -> bool:
        """True when no attempt is left."""
        return len(self.trials) == 0

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written and no trial starts; None when all is well."""
        return self._sweeps.storage.trouble

    def live(self) -> list[str]:
        """The names of the sweeps that have not ended."""
        return sorted(self._sweeps.names())

    def take_up(self) -> None:
        """Go on with every sweep that an earlier engine left unfinished."""
        self._tracking.mend(self._sweeps.earlier())
        for run in self._sweeps.unfinished():
            self._adopt(run)

    def submit(self, submission: Submission) -> None:
        """Take a sweep; one that is known already is left as it is."""
        run = self._sweeps.create(submission)
        if run is not None:
            self._adopt(run, new=True)
            with _about(run):
                log.info("sweep taken on, at most %d trials", run.document.limits.max_total_trials)

    def cancel(self, name: str) -> None:
        """End a sweep; one that has ended stays as it is.

        Raises:
            UnknownNameError: there never was such a sweep.
        """
        self._workspace.require(name)
        if name in self._sweeps:
            self._sweeps[name].cancel("canceled on request", time.monotonic())
            self._dirty.add(name)

    def resume(self, name: str, resumption: Resumption) -> None:
        """Let a finished sweep go on; the same resumption a second time changes nothing.

        It is in the journal when this returns.

        Raises:
            UnknownNameError: there never was such a sweep.
        """
        with self._sweeps.opened(name) as run:
            if run.state.resumes < resumption.nth:
                run.resume(resumption)
            self._go_on(run)

    def retry_trial(self, name: str, retrial: Retrial) -> None:
        """Run a finished trial again; the same retrial a second time changes nothing.

        It is in the journal when this returns.

        Raises:
            UnknownNameError: there is no such trial.
        """
        with self._sweeps.opened(name) as run:
            trial = run.trials.get(retrial.number)
            if trial is None:
                raise UnknownNameError(f"sweep {name} has no trial {retrial.number}")
            if trial.status.finished and trial.attempt < retrial.attempt:
                run.retry(retrial.number)
            self._go_on(run)

    def cancel_trial(self, name: str, number: int) -> None:
        """End one trial; one that has ended stays as it is.

        Raises:
            UnknownNameError: there is no such trial.
        """
        self._workspace.require(name)
        run = self._sweeps.get(name)
        if run is not None and number in run.trials:
            if not run.trials[number].status.finished:
                run.dismiss(number)
            self.trials.stop(run, Stop(number, TrialStatus.CANCELED, "canceled on request"))
            self._dirty.add(name)

    def purge(self, name: str) -> None:
        """Remove a sweep that is not live.

        Raises:
            UnknownNameError: it is live.
        """
        if name in self._sweeps:
            raise UnknownNameError(f"sweep {name} is still live; cancel it first")
        self._workspace.remove_sweep(name)

    def prune(self, name: str, *, artifacts: bool, logs: bool) -> None:
        """Set aside what the trials of a sweep that is not live left behind.

        Raises:
            UnknownNameError: it is live.
        """
        if name in self._sweeps:
            raise UnknownNameError(f"sweep {name} is still live; cancel it first")
        leavings.set_aside(self._workspace, name, artifacts=artifacts, logs=logs)

    def advance(self) -> float | None:
        """Act on the plans of all sweeps that need it; returns when to be called again.

        Returns:
            Monotonic seconds of the next deadline; None when only events matter.
        """
        now = time.monotonic()
        self.trials.kill_overdue(now)
        if not self._stopping:
            self._dirty |= self._scheduling.recheck(now, len(self.trials))
            self._act(now)
        return min(self._deadlines(), default=None)

    def flush(self) -> list[str]:
        """Write the journals; the names of the sweeps with news."""
        return self._sweeps.flush()

    def stop(self) -> None:
        """Stop all trials in order; they wait for the next engine."""
        self._stopping = True
        self.trials.interrupt_all()

    def close(self) -> None:
        """Wait for the draw that is under way and close the journals."""
        self._draws.close()
        self._sweeps.close()

    def _go_on(self, run: SweepRun) -> None:
        """Make sure that what was changed is written, and that an unfinished sweep is live."""
        run.journal.flush(durable=True)
        if run.name not in self._sweeps and not run.state.status.finished:
            self._adopt(run)
        self._dirty.add(run.name)

    def _adopt(self, run: SweepRun, *, new: bool = False) -> None:
        self._sweeps.keep(run)
        self._dirty.add(run.name)
        self._tracking.sweep_run(run.name, run.document.experiment_name, new=new)
        self.trials.expect(run)

    def _act(self, now: float) -> None:
        """Act on the plans of the sweeps that need it; free slots are given away one at a time."""
        due = self._dirty | self._alarms.due(now) | self._timed()
        self._dirty.clear()
        waiting = {name: self._sweeps[name] for name in due if name in self._sweeps}
        if self._slot_freed:
            self._slot_freed = False
            waiting |= {run.name: run for run in self._sweeps if run.name not in due}
        while waiting:
            run = self._scheduling.next(waiting, self.trials.counts())
            if run.name not in due and self._scheduling.free(len(self.trials)) <= 0:
                # The others wanted no more than a slot, and come after those that are due.
                break
            with _about(run):
                if not self._act_on(run, now):
                    del waiting[run.name]
            self._alarms.ring(run.name, run.deadline(now))

    def _timed(self) -> set[str]:
        """The sweeps of running trials whose time may be up."""
        return {name for name in self.trials.counts() if self._sweeps[name].trials_are_timed}

    def _act_on(self, run: SweepRun, now: float) -> bool:
        """Act on one sweep's plan; True when a trial was started, so that more may follow."""
        started = False
        since = self.trials.since(run.name)
        free = self._scheduling.free(len(self.trials))
        for action in plan(run.document, run.progress(now, since), free_slots=min(free, 1)):
            match action:
                case Start():
                    if self._scheduling.may_start(run, now, len(self.trials)):
                        started = self._start_trial(run, action.number)
                case Stop():
                    self.trials.stop(run, action)
                case Finish():
                    run.finish(action.status, action.reason, now)
                    self._scheduling.ended(run.name)
                    self._tracking.end_sweep(run.name, action.status)
                    log.info("sweep %s: %s", action.status, action.reason or "its trials ended")
        return started

    def _start_trial(self, run: SweepRun, number: int) -> bool:
        if number not in run.trials and not self._draws.draw(run, number):
            return False
        self._scheduling.given(run.name)
        self.trials.start(run, number)
        return True

    def _freed(self, sweep: str) -> None:
        self._dirty.add(sweep)
        self._slot_freed = True

    def _deadlines(self) -> Iterator[float]:
        yield from self.trials.deadlines()
        moments = (
            self._alarms.next(),
            self._scheduling.recheck_at,
            self._sweeps.storage.look_at,
        )
        for moment in moments:
            if moment is not None:
                yield moment


def _about(run: SweepRun) -> AbstractContextManager[None]:
    """What is logged inside names the sweep and the request that submitted it."""
    return about(sweep=run.name, request_id=run.submission.request_id)
