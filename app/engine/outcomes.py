"""From the end of an attempt's process to the trial's outcome."""

import signal
from dataclasses import dataclass
from pathlib import Path

from app.engine.attempts import Attempt
from app.engine.workspace import TrialFolder
from app.sweep.failure import failure_of
from app.sweep.state import TrialStatus

_TAIL = 64 * 1024
_KILLED_INSIDE = 128 + signal.SIGKILL
"""The exit code of a shell whose program was killed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended, and if it failed, what it has in common with others that did."""

    status: TrialStatus
    reason: str | None
    fingerprint: str | None = None


def outcome_of(
    attempt: Attempt, returncode: int, folder: TrialFolder, *, memory_ran_out: bool
) -> Outcome:
    """The outcome, from the exit code unless the attempt was stopped.

    Args:
        attempt: the attempt whose process ended.
        returncode: its exit code; minus the signal's number when a signal ended it.
        folder: has its log and its code.
        memory_ran_out: the kernel killed a process for want of memory while it ran.
    """
    if attempt.stop is not None:
        return Outcome(attempt.stop.outcome, attempt.stop.reason)
    if returncode == 0:
        return Outcome(TrialStatus.COMPLETED, None)
    ending = _signal_words(-returncode) if returncode < 0 else f"exit code {returncode}"
    if memory_ran_out and returncode in (-signal.SIGKILL, _KILLED_INSIDE):
        ending += ", probably out of memory"
    failure = failure_of(
        _end_of(folder.log("stderr")), ending=ending, code=returncode, folder=str(folder.code)
    )
    return Outcome(TrialStatus.FAILED, failure.words, failure.fingerprint)


def _signal_words(number: int) -> str:
    try:
        return f"killed by {signal.Signals(number).name}"
    except ValueError:
        return f"killed by signal {number}"


def _end_of(path: Path) -> str:
    """The last part of a log; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
