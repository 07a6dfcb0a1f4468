"""Starts and signals trial processes, through the warm fork parent, and tells how they end."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.engine.limits import (
    THREADS,
    TrialLimits,
    inherited,
    of_the_engine,
    thread_variables,
    threads_per_trial,
)
from app.engine.logs import Logs
from app.engine.trial_memory import held

_PYTHON = re.compile(r"python3?(\.\d+)?\Z")
TRIAL = "SWEEPFRONT_TRIAL"
"""Environment variable with the attempt's token, in every process of a trial."""
WORKSPACE = "SWEEPFRONT_WORKSPACE"
"""Environment variable with the engine's folder, in every process of a trial."""
MEMORY_LOOK_SECONDS = 0.5
_QUICK_DEATH_SECONDS = 2.0
_MAX_QUICK_DEATHS = 5
_STRAY_LOOKS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A process to start.

    Attributes:
        token: names it; also in its environment, so that its descendants can be found.
        words: the argument vector; empty when `shell` is given.
        shell: text for bash.
        python: the interpreter that `python` is; None: the service's own, warm.
        env: what it sees beside the few variables it inherits.
    """

    token: str
    words: Sequence[str]
    shell: str | None
    python: Path | None
    cwd: Path
    env: Mapping[str, str]
    stdout: Path
    stderr: Path


@dataclass(frozen=True, slots=True)
class Exited:
    """A process ended with this exit code; minus the signal's number if a signal ended it."""

    token: str
    returncode: int


@dataclass(frozen=True, slots=True)
class ParentLost:
    """The fork parent died and all processes with it; a new one takes its place."""


class Launcher:
    """The engine's end of the fork parent."""

    def __init__(self, workspace: Path, limits: TrialLimits, *, slots: int) -> None:
        """Start nothing yet.

        Args:
            workspace: its path marks every process, for `sweep_strays`.
            limits: what every process is held to.
            slots: how many run at once; they share the cores.
        """
        self._workspace = workspace
        self._limits = limits
        self._threads = threads_per_trial(slots)
        self._logs = Logs(limits.log_bytes)
        self._next_memory_look = 0.0
        self._inherited = inherited(os.environ)
        # An epoll object stays the same for the selector whoever is on the other end.
        self._poll = select.epoll()
        self._peer: socket.socket | None = None
        self._parent: subprocess.Popen[bytes] | None = None
        self._received = b""
        self._pids: dict[str, int] = {}
        self._live: set[str] = set()
        self._preloaded: set[str] = set()
        self._opened_at = 0.0
        self._quick_deaths = 0

    def fileno(self) -> int:
        """For the selector: readable when there are events."""
        return self._poll.fileno()

    def open(self) -> None:
        """Start the fork parent; it imports in its own time, requests wait for it."""
        ours, theirs = socket.socketpair()
        words = [sys.executable, "-m", "app.engine.fork_parent", str(theirs.fileno())]
        self._parent = subprocess.Popen(  # noqa: S603 - our own module
            [*words, str(os.getpid())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            # One thread: a fork must not copy threads. The mark is for `sweep_strays`.
            env={
                **of_the_engine(os.environ),
                **dict.fromkeys(THREADS, "1"),
                WORKSPACE: str(self._workspace),
            },
        )
        theirs.close()
        self._peer = ours
        self._received = b""
        self._opened_at = time.monotonic()
        self._poll.register(ours, select.EPOLLIN)

    def start(self, launch: Launch) -> None:
        """Have the process started; how it ends comes as an event."""
        script = launch.shell is None and launch.python is None and is_plain_script(launch.words)
        words = list(launch.words) if launch.shell is None else ["bash", "-c", launch.shell]
        marks = {TRIAL: launch.token, WORKSPACE: str(self._workspace)}
        env = dict(self._inherited)
        programs = Path(launch.python or sys.executable).parent
        env["PATH"] = f"{programs}:{env.get('PATH', os.defpath)}"
        env |= {**launch.env, **thread_variables(launch.env, self._threads), **marks}
        self._logs.begin(launch.token, (launch.stdout, launch.stderr))
        self._live.add(launch.token)
        self._tell(
            {
                "token": launch.token,
                "words": words,
                "script": script,
                "cwd": str(launch.cwd),
                "env": env,
                "stdout": str(launch.stdout),
                "stderr": str(launch.stderr),
                "memory": self._limits.memory,
            }
        )

    def preload(self, names: Sequence[str]) -> None:
        """Have the fork parent import modules that trials will import, if that does no harm."""
        new = [name for name in names if name not in self._preloaded]
        if new:
            self._preloaded.update(new)
            self._tell({"preload": new})

    def signal(self, token: str, number: signal.Signals) -> None:
        """Send a signal to the process and all of its group."""
        self._tell({"token": token, "signal": int(number)})

    def alive(self, token: str) -> bool:
        """True unless the process has ended; one that is still being started counts as alive."""
        if token not in self._live:
            return False
        pid = self._pids.get(token)
        if pid is None:
            return True
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] not in ("Z", "X")

    def over_memory(self) -> Iterator[tuple[str, str]]:
        """Processes that hold more memory than they may, children included, with the reason."""
        limit, now = self._limits.memory, time.monotonic()
        if limit is None or now < self._next_memory_look:
            return
        self._next_memory_look = now + MEMORY_LOOK_SECONDS
        for token, pid in self._pids.items():
            if (size := held(pid, limit)) > limit:
                reason = (
                    f"its processes held {size} bytes of memory together, more than the {limit} "
                    "of SWEEPFRONT_TRIAL_MEMORY"
                )
                yield token, reason

    def read_events(self) -> Iterator[Exited | ParentLost]:
        """What happened since the last call."""
        if self._peer is None:
            return
        try:
            data = self._peer.recv(1024 * 1024)
        except OSError:
            data = b""
        if not data:
            self._reopen()
            yield ParentLost()
            return
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            news = json.loads(line)
            if "started" in news:
                self._pids[news["started"]] = news["pid"]
            else:
                token = news["exited"]
                self._live.discard(token)
                self._pids.pop(token, None)
                self._logs.end(token)
                yield Exited(token, news["returncode"])

    def close(self) -> None:
        """End the fork parent, and with it whatever still runs."""
        if self._peer is not None:
            self._poll.unregister(self._peer)
            self._peer.close()
            self._peer = None
        if self._parent is not None:
            self._parent.kill()
            self._parent.wait()
        self._logs.close()
        self._poll.close()

    def _reopen(self) -> None:
        quick = time.monotonic() - self._opened_at < _QUICK_DEATH_SECONDS
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        if self._quick_deaths >= _MAX_QUICK_DEATHS:
            raise RuntimeError("the process that starts trials keeps dying; see above")
        if self._peer is not None:
            self._poll.unregister(self._peer)
            self._peer.close()
        if self._parent is not None:
            self._parent.kill()
            self._parent.wait()
        sweep_strays(self._workspace)
        self._live.clear()
        self._preloaded.clear()
        self._pids.clear()
        self._logs.end_all()
        self.open()

    def _tell(self, request: Mapping[str, object]) -> None:
        # A parent that is gone is noticed by read_events, with everything that ran in it.
        if self._peer is not None:
            with suppress(BrokenPipeError, ConnectionResetError):
                self._peer.sendall(json.dumps(request).encode() + b"\n")


def is_plain_script(words: Sequence[str]) -> bool:
    """True for `python script.py ...`, which runs inside the forked interpreter."""
    return len(words) > 1 and bool(_PYTHON.match(words[0])) and words[1].endswith(".py")


def sweep_strays(workspace: Path) -> None:
    """Kill what is left of the trials of a fork parent that died, until nothing is."""
    marker = f"{WORKSPACE}={workspace}\0".encode()
    for _ in range(_STRAY_LOOKS):
        # A process that has not noticed yet that it is killed may fork once more.
        found = [process for process in Path("/proc").glob("[0-9]*") if _killed(process, marker)]
        if not found:
            return
        time.sleep(0.01)


def _killed(process: Path, marker: bytes) -> bool:
    with suppress(OSError):
        if marker in (process / "environ").read_bytes():
            os.kill(int(process.name), signal.SIGKILL)
            return True
    return False
