"""New trials get their parameters: quick samplers answer at once, slow ones from a thread.

A suggestion of bayesian sampling takes up to a quarter of a second; the engine's loop goes on
meanwhile, and judges what running trials report.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from app.engine.sweep_run import SweepRun
from app.search.bayesian import Observation
from app.sweep.state import Parameters, TrialStatus, loss


class Draws:
    """The draws that are under way, one of each sweep at most: each goes by those before it."""

    def __init__(
        self, post: Callable[[Callable[[], None]], None], changed: Callable[[str], None]
    ) -> None:
        """Answer on the engine's loop.

        Args:
            post: has a function called on the loop.
            changed: called there with the name of a sweep that must be looked at again.
        """
        self._post = post
        self._changed = changed
        self._under_way: set[str] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sampler")

    def draw(self, run: SweepRun, number: int) -> bool:
        """Let a new trial of the sweep wait with its parameters; False: it has none (yet)."""
        draw = drawing(run, number)
        if not run.sampler.slow:
            queued = run.queue(number, draw())
            if not queued:
                self._changed(run.name)
            return queued
        if run.name not in self._under_way:
            self._under_way.add(run.name)
            future = self._thread.submit(draw)
            future.add_done_callback(
                lambda done: self._post(lambda: self._drawn(run, number, done))
            )
        return False

    def close(self) -> None:
        """Wait for the draw that is under way; nobody hears of it."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _drawn(self, run: SweepRun, number: int, done: "Future[Parameters | None]") -> None:
        self._under_way.discard(run.name)
        # The sweep may have ended meanwhile, and even gone on since.
        self._changed(run.name)
        if run.state.status.finished or number in run.trials:
            return
        error = done.exception()
        if error is None:
            run.queue(number, done.result())
        else:
            run.cancel(f"the sampler failed: {error}", time.monotonic())


def drawing(run: SweepRun, number: int) -> Callable[[], Parameters | None]:
    """The draw of a new trial, by what is known at this moment; any thread may do it."""
    if run.sampler.initial is None:
        return partial(run.sampler.draw, number, (), ())
    goal = run.document.objective.goal
    finished = [
        Observation(
            trial.parameters,
            None if trial.objective_value is None else loss(trial.objective_value, goal),
        )
        for trial in (run.trials[each] for each in run.ended)
        if trial.status is not TrialStatus.CANCELED
    ]
    waiting = (trial for _, trial in sorted(run.trials.items()) if not trial.status.finished)
    return partial(run.sampler.draw, number, finished, [trial.parameters for trial in waiting])
