"""From exit codes and logs to outcomes."""

from pathlib import Path

import pytest

from app.engine.attempts import Attempt
from app.engine.outcomes import Outcome, outcome_of
from app.engine.workspace import TrialFolder
from app.search.plan import Stop
from app.sweep.state import TrialStatus


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    """A trial's folder without a log."""
    return TrialFolder(tmp_path)


def _attempt(stop: Stop | None = None) -> Attempt:
    return Attempt(token="s.0.1", sweep="s", number=0, since=0.0, stop=stop)  # noqa: S106 - a name


def _outcome(folder: TrialFolder, code: int, *, ran_out: bool = False) -> Outcome:
    return outcome_of(_attempt(), code, folder, memory_ran_out=ran_out)


def test_a_stop_decides_and_else_the_exit_code(folder: TrialFolder) -> None:
    """A trial that was stopped has that outcome however it ended."""
    assert _outcome(folder, 0) == Outcome(TrialStatus.COMPLETED, None)
    stop = Stop(0, TrialStatus.EARLY_TERMINATED, "interval 3: stopped")
    stopped = outcome_of(_attempt(stop), -15, folder, memory_ran_out=True)
    assert stopped == Outcome(TrialStatus.EARLY_TERMINATED, "interval 3: stopped")


def test_without_a_log_the_ending_is_all_there_is(folder: TrialFolder) -> None:
    """No file, an empty one, and one of blank lines are the same."""
    nothing = _outcome(folder, 4)
    assert (nothing.status, nothing.reason) == (TrialStatus.FAILED, "exit code 4")
    for text in ("", "\n \n\n"):
        folder.log("stderr").write_text(text)
        assert _outcome(folder, 4) == nothing


def test_of_a_huge_log_the_end_is_read(folder: TrialFolder) -> None:
    """Fifty megabytes before the traceback change nothing."""
    end = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: 3\n'
    folder.log("stderr").write_text(end)
    short = _outcome(folder, 1)
    folder.log("stderr").write_bytes(b"\xffnoise 17\n" * 5_000_000 + end.encode())
    assert _outcome(folder, 1) == short
    assert short.reason == "exit code 1: ValueError: 3"


@pytest.mark.parametrize(
    ("code", "ran_out", "reason"),
    [
        (-9, True, "killed by SIGKILL, probably out of memory: epoch 3"),
        (-9, False, "killed by SIGKILL: epoch 3"),
        (-11, True, "killed by SIGSEGV: epoch 3"),
        (137, True, "exit code 137, probably out of memory: epoch 3"),
        (-60, False, "killed by signal 60: epoch 3"),
    ],
)
def test_a_kill_for_want_of_memory_is_said(
    folder: TrialFolder, code: int, *, ran_out: bool, reason: str
) -> None:
    """Only of SIGKILL, also inside a shell, and only when the kernel counted one."""
    folder.log("stderr").write_text("epoch 3\n")
    assert _outcome(folder, code, ran_out=ran_out).reason == reason
