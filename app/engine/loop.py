"""The engine process: one thread, one selector; requests, logs of trials, exits and deadlines."""

import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from app.engine.conductor import Conductor
from app.engine.control import About, Connection, Request
from app.engine.launcher import MEMORY_LOOK_SECONDS, Exited, Launcher, sweep_strays
from app.engine.limits import TrialLimits, in_words_of_settings
from app.engine.requests import answer
from app.engine.tracking import Tracking
from app.engine.trial_link import TrialLink
from app.engine.wire import listen
from app.engine.workspace import Workspace
from app.search.plan import Stop
from app.sweep.state import TrialStatus

ALREADY_RUNNING = 3
"""Exit code of an engine that found another one at work in its workspace."""
_IDLE_SECONDS = 5.0
_SWITCH_SECONDS = 0.001
"""How long a thread that works may keep the loop waiting; Python's default is 5 ms."""


def run(
    folder: Path, *, slots: int, grace: float, min_free_memory: int, limits: TrialLimits
) -> int:
    """Be the engine of a workspace until SIGTERM, SIGINT or a request to shut down.

    Args:
        folder: the workspace; made if it does not exist.
        slots: how many trials run at once.
        grace: seconds between SIGTERM and SIGKILL of a stopped trial.
        min_free_memory: bytes that must be free for another trial to start; 0: any.
        limits: what every trial is held to.

    Returns:
        The process's exit code.
    """
    workspace = Workspace(folder)
    workspace.create()
    # Held until the process is gone: whoever waits for the lock waits for the process.
    lock = workspace.lock()
    if lock is None:
        print(f"another engine is at work in {folder}", flush=True)  # noqa: T201 - to engine.log
        return ALREADY_RUNNING
    sweep_strays(workspace.folder)
    workspace.finish_removals()
    sys.setswitchinterval(_SWITCH_SECONDS)
    engine = _Engine(
        workspace, slots=slots, grace=grace, min_free_memory=min_free_memory, limits=limits
    )
    try:
        engine.serve()
    finally:
        engine.close()
    return 0


class _Engine:
    """The sockets and signals around the conductor."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        slots: int,
        grace: float,
        min_free_memory: int,
        limits: TrialLimits,
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._posted: deque[Callable[[], None]] = deque()
        self._bell, self._button = socket.socketpair()
        self._bell.settimeout(0)
        self._button.settimeout(0)
        self._stopping = False
        self._longest_wait = _IDLE_SECONDS if limits.memory is None else MEMORY_LOOK_SECONDS
        self._connections: set[Connection] = set()
        self._left: set[Connection] = set()
        self._assisting: set[Connection] = set()
        self._settings = in_words_of_settings(
            slots=slots, grace=grace, min_free_memory=min_free_memory, limits=limits
        )
        self._launcher = Launcher(workspace.folder, limits, slots=slots)
        self._tracking = Tracking(workspace.folder, workspace.trial_socket)
        self._conductor = Conductor(
            workspace,
            self._launcher,
            self._tracking,
            slots=slots,
            grace=grace,
            min_free_memory=min_free_memory,
            post=self._post,
        )
        self._trials = TrialLink(
            workspace.trial_socket,
            self._selector,
            self._conductor.trials,
            self._tracking,
            self._post,
        )
        self._listener = listen(workspace.control_socket)
        self._listener.settimeout(0)
        self._selector.register(self._bell, selectors.EVENT_READ, self._ring)
        self._selector.register(self._launcher, selectors.EVENT_READ, self._processes)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def serve(self) -> None:
        """Work until told to stop and the last trial is gone."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.set_wakeup_fd(self._button.fileno(), warn_on_full_buffer=False)
        self._launcher.open()
        self._conductor.take_up()
        while not (self._stopping and self._conductor.idle):
            self._hold_to_memory()
            deadline = self._conductor.advance()
            self._tell(self._conductor.flush())
            wait = self._longest_wait if deadline is None else deadline - time.monotonic()
            for key, _ in self._selector.select(max(0.0, min(wait, self._longest_wait))):
                key.data()
        self._tell(self._conductor.flush())

    def close(self) -> None:
        """Release everything."""
        self._conductor.close()
        self._trials.close()
        self._launcher.close()
        self._tracking.close()
        for connection in list(self._connections):
            connection.close()
        self._listener.close()
        self._selector.close()

    def stop(self) -> None:
        """Stop all trials in order and end; the sweeps go on with the next engine."""
        self._stopping = True
        self._conductor.stop()

    def _hold_to_memory(self) -> None:
        """End the trials that hold more memory than they may."""
        for token, reason in self._launcher.over_memory():
            attempt = self._conductor.trials.attempt(token)
            if attempt is not None:
                attempt.stop = attempt.stop or Stop(attempt.number, TrialStatus.FAILED, reason)
                self._launcher.signal(token, signal.SIGKILL)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._posted.append(self.stop)

    def _post(self, function: Callable[[], None]) -> None:
        self._posted.append(function)
        with suppress(OSError):
            self._button.send(b"!")

    def _ring(self) -> None:
        with suppress(BlockingIOError):
            self._bell.recv(4096)
        while self._posted:
            self._posted.popleft()()

    def _processes(self) -> None:
        for event in self._launcher.read_events():
            if isinstance(event, Exited):
                self._trials.drain(event.token)
            self._conductor.trials.handle(event)

    def _accept(self) -> None:
        with suppress(OSError):
            peer, _ = self._listener.accept()
            connection = Connection(
                peer, self._selector, on_request=self._answer, on_end=self._hung_up
            )
            self._connections.add(connection)

    def _answer(self, request: Request) -> None:
        answer(
            request,
            self._conductor,
            self._tracking,
            about=self._about,
            leave=self._leave,
            assist=self._assist,
            post=self._post,
        )

    def _about(self) -> About:
        return About(
            trouble=self._conductor.trouble,
            services=len(self._connections - self._left - self._assisting),
            settings=self._settings,
            busy=len(self._conductor.trials),
        )

    def _leave(self, connection: Connection) -> bool:
        """A service is about to end; the engine ends with the last one."""
        self._left.add(connection)
        last = self._connections <= self._left | self._assisting
        if last:
            self.stop()
        return last

    def _assist(self, connection: Connection) -> list[str]:
        """It belongs to a service that has another one; the names of the live sweeps."""
        self._assisting.add(connection)
        return self._conductor.live()

    def _hung_up(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._left.discard(connection)
        self._assisting.discard(connection)

    def _tell(self, changed: list[str]) -> None:
        for connection in list(self._connections):
            for name in changed:
                connection.tell_changed(name)
