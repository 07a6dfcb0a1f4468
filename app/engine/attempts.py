"""The attempts that run now, of all sweeps: their processes, their clocks, and their signals."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.engine.launcher import Launch, Launcher
from app.search.plan import Stop


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt at one trial, from the moment its run is asked for until its process is gone.

    Attributes:
        token: names it towards the launcher and in what its script logs.
        since: monotonic seconds of its start (of the request for it, before that).
        kills: how often the kernel had killed for want of memory when it started.
        run_id: its MLflow run; None while that is being made.
        launched: its process was asked for.
        stop: why it is being ended, once it is; it then keeps that outcome.
        kill_at: when SIGKILL follows (monotonic), once SIGTERM was sent.
        runs: MLflow runs that it may write: its own and those it made.
    """

    token: str
    sweep: str
    number: int
    since: float
    kills: int = 0
    run_id: str | None = None
    launched: bool = False
    stop: Stop | None = None
    kill_at: float | None = None
    runs: set[str] = field(default_factory=set)


class Attempts:
    """All live attempts and the signals they get."""

    def __init__(self, launcher: Launcher, *, grace: float) -> None:
        """Use this launcher; `grace` is the time in seconds between SIGTERM and SIGKILL."""
        self._launcher = launcher
        self._grace = grace
        self._live: dict[str, Attempt] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Attempt]:
        return iter(list(self._live.values()))

    def get(self, token: str) -> Attempt | None:
        """The live attempt of that token."""
        return self._live.get(token)

    def of(self, sweep: str) -> dict[int, Attempt]:
        """The live attempts of a sweep, by trial number."""
        return {
            attempt.number: attempt for attempt in self._live.values() if attempt.sweep == sweep
        }

    def counts(self) -> Counter[str]:
        """How many each sweep has."""
        return Counter(attempt.sweep for attempt in self._live.values())

    def begin(self, sweep: str, number: int, nth: int) -> Attempt:
        """Take a slot for a trial's nth attempt."""
        token = f"{sweep}.{number}.{nth}.{time.time_ns():x}"
        attempt = Attempt(token=token, sweep=sweep, number=number, since=time.monotonic())
        self._live[token] = attempt
        return attempt

    def launch(self, attempt: Attempt, launch: Launch) -> None:
        """Start the attempt's process; its clock starts now."""
        attempt.since = time.monotonic()
        attempt.launched = True
        self._launcher.start(launch)

    def alive(self, attempt: Attempt) -> bool:
        """True while its process has not ended and nobody is ending it."""
        return attempt.stop is None and self._launcher.alive(attempt.token)

    def terminate(self, attempt: Attempt, stop: Stop) -> None:
        """End the attempt with this outcome; a stop that came earlier keeps its outcome."""
        if attempt.stop is None:
            attempt.stop = stop
            if attempt.launched:
                self._signal_end(attempt)

    def interrupt_all(self) -> None:
        """End all processes without an outcome; what has none yet is forgotten."""
        for attempt in self:
            if attempt.launched:
                self._signal_end(attempt)
            else:
                self.forget(attempt)

    def forget(self, attempt: Attempt) -> None:
        """Give the slot back."""
        self._live.pop(attempt.token, None)

    def kill_overdue(self, now: float) -> None:
        """SIGKILL for those whose grace has run out."""
        for attempt in self:
            if attempt.kill_at is not None and now >= attempt.kill_at:
                attempt.kill_at = None
                self._launcher.signal(attempt.token, signal.SIGKILL)

    def _signal_end(self, attempt: Attempt) -> None:
        if attempt.kill_at is None:
            attempt.kill_at = time.monotonic() + self._grace
            self._launcher.signal(attempt.token, signal.SIGTERM)
