"""The attempts that run now, of all sweeps: their processes, their clocks, and how they end."""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.engine.launcher import Launch, Launcher
from app.search.plan import Stop
from app.sweep.state import TrialStatus

_TAIL = 4096


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt at one trial, from the moment its run is asked for until its process is gone.

    Attributes:
        token: names it towards the launcher and in what its script logs.
        since: monotonic seconds of its start (of the request for it, before that).
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


def outcome_of(attempt: Attempt, returncode: int, stderr: Path) -> tuple[TrialStatus, str | None]:
    """The outcome and its reason, from the exit code unless the attempt was stopped.

    Args:
        attempt: the attempt whose process ended.
        returncode: its exit code; minus the signal's number when a signal ended it.
        stderr: its log, whose last line usually names the error.
    """
    if attempt.stop is not None:
        return attempt.stop.outcome, attempt.stop.reason
    if returncode == 0:
        return TrialStatus.COMPLETED, None
    last = _last_line(stderr)
    words = _signal_words(-returncode) if returncode < 0 else f"exit code {returncode}"
    return TrialStatus.FAILED, f"{words}: {last}" if last else words


def _signal_words(number: int) -> str:
    try:
        return f"killed by {signal.Signals(number).name}"
    except ValueError:
        return f"killed by signal {number}"


def _last_line(path: Path) -> str:
    """The last line that says something, at most 500 characters of it."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].replace("\0", "")[:500] if lines else ""
