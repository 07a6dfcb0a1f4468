"""What the fork parent keeps ready for the next trial: a child that waits, and modules."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Served, document

ONE = {"x": {"type": "choice", "values": [1]}}
SCRIPTS = {
    "importing.py": """
import sys
there = "xmlrpc.server" in sys.modules
import xmlrpc.server
import mlflow
mlflow.log_metric("loss", float(there))
""",
    "state.py": """
import os, signal, mlflow
assert os.getpgid(0) == os.getpid()
assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
assert signal.set_wakeup_fd(-1) == -1
held = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
sockets = [path for path in held if "socket:" in path]
mlflow.log_metric("loss", float(len(sockets)))
""",
}


@pytest.fixture(scope="module")
def job(scripts: Path) -> str:
    """A folder of scripts in the code root."""
    folder = scripts / "warm_job"
    folder.mkdir(exist_ok=True)
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    return folder.name


def _value(service: Served, job: str, script: str) -> float:
    """What one trial of a script reports."""
    limits = {"max_total_trials": 1}
    body = document(f"python {script}", ONE, code=job, limits=limits)
    name = service.submit(body)["name"]
    assert service.finished(name)["status"] == "completed"
    value: float = service.get(f"/v1/sweeps/{name}/trials/0")["objective_value"]
    return value


def _waiting(service: Served) -> Iterator[int]:
    """Children of the service's fork parent, by process id."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            above = Path(f"/proc/{parent}/cmdline").read_bytes()
            engine = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
            owner = Path(f"/proc/{engine}/cmdline").read_bytes()
        except OSError:
            continue
        ours = str(service.data).encode() in owner
        if b"app.engine.fork_parent" in words and b"app.engine.fork_parent" in above and ours:
            yield int(folder.name)


def test_what_a_script_imports_is_there_before_it_starts(service: Served, job: str) -> None:
    """The fork parent comes to have it, soon after a sweep with that script has begun."""
    deadline = time.monotonic() + 60
    while _value(service, job, "importing.py") != 1.0:
        assert time.monotonic() < deadline


def test_a_trial_starts_with_signals_and_group_of_its_own(service: Served, job: str) -> None:
    """Nothing of the time when its process waited is left in it."""
    assert _value(service, job, "state.py") == 0.0


def test_the_child_that_waits_may_be_killed(service: Served, job: str) -> None:
    """Another takes its place, and no trial is lost."""
    _value(service, job, "state.py")
    deadline = time.monotonic() + 30
    while not (waiting := list(_waiting(service))):
        assert time.monotonic() < deadline
    for pid in waiting:
        os.kill(pid, signal.SIGKILL)
    # One that is given a trial in the instant in which it dies takes the trial with it.
    while any(Path(f"/proc/{pid}").exists() for pid in waiting):
        assert time.monotonic() < deadline
    assert _value(service, job, "state.py") == 0.0
    while not set(_waiting(service)) - set(waiting):
        assert time.monotonic() < deadline + 30
