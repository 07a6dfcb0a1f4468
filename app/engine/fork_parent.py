"""The warm parent of all trials: a process that imports what trials need, and then only forks.

It has one thread and calls nothing that would start another, so that a fork is safe. It takes
lines of JSON from the engine and answers with `{"started", "pid"}` and `{"exited",
"returncode"}`. It dies with the engine, and every trial dies with it.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.engine.exercise import exercise
from app.engine.huge_pages import arenas_in_a_row, collapse
from app.engine.preloading import Preloading, load, threads
from app.engine.standby import Job, Standby
from app.engine.trial_process import adopt_orphans, become, die_with_parent

PRELOADED = (
    "numpy",
    "pandas",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.neighbors",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "mlflow",
    "app.engine.trial_store",
)
_ARENAS = 56
"""Mebibytes of small objects that the preloaded modules make."""


def main(descriptor: int, engine: int) -> None:
    """Serve until the engine goes; in each forked child, become the trial.

    Args:
        descriptor: the inherited socket to the engine.
        engine: the engine's process id, to notice that it died before we could ask to be told.
    """
    die_with_parent(engine)
    adopt_orphans()
    held = arenas_in_a_row(_ARENAS)
    exercise()
    _load(PRELOADED)
    job = _Nursery(socket.socket(fileno=descriptor)).serve()
    if job is not None:
        become(job)
    del held


def _load(names: Sequence[str]) -> None:
    """Import modules, and make what they leave in memory cheap to share."""
    load(names)
    if threads() != 1:
        words = f"fork parent: {threads()} threads after the imports; forks may hang"
        print(words, file=sys.stderr)  # noqa: T201 - to engine.log
    gc.collect()
    gc.freeze()
    collapse()


class _Nursery:
    """Forks children and waits for them."""

    def __init__(self, engine: socket.socket) -> None:
        self._engine = engine
        self._received = b""
        self._children: dict[int, str] = {}
        self._bell, self._button = socket.socketpair()
        self._button.settimeout(0)
        self._pid = os.getpid()
        self._standby = Standby()
        self._preloading = Preloading()

    def serve(self) -> Job | None:
        """Work for the engine; returns a job in the child that is to do it, None at the end."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._button.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._engine, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while True:
                # Forked when nothing else is to be done, so that no start or end waits for it.
                ready = {
                    k.fileobj for k, _ in selector.select(None if self._standby.waiting else 0)
                }
                if not ready:
                    job = self._stand_by()
                    if job is not None:
                        return job
                if self._bell in ready:
                    self._bell.recv(4096)
                    self._reap()
                if self._preloading.results in ready:
                    self._preload(selector)
                if self._engine in ready:
                    data = self._engine.recv(1024 * 1024)
                    if not data:
                        return None
                    *lines, self._received = (self._received + data).split(b"\n")
                    for line in lines:
                        job = self._obey(json.loads(line), selector)
                        if job is not None:
                            return job

    def _preload(self, selector: selectors.BaseSelector) -> None:
        """Import what a child has tried; the next standby has it."""
        results = self._preloading.results
        good = self._preloading.read()
        if good is not None and results is not None:
            selector.unregister(results)
            _load(good)
            self._standby.dismiss()

    def _obey(self, request: Job, selector: selectors.BaseSelector) -> Job | None:
        if "signal" in request:
            for pid in [p for p, token in self._children.items() if token == request["token"]]:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, request["signal"])
            return None
        if "preload" in request:
            before = self._preloading.results
            results = self._preloading.begin(request["preload"], self._leave)
            if results is not None:
                if before is not None:
                    selector.unregister(before)
                selector.register(results, selectors.EVENT_READ)
            return None
        taken_by = self._standby.give(request)
        while taken_by is None:
            job = self._stand_by()
            if job is not None:
                return job
            taken_by = self._standby.give(request)
        self._children[taken_by] = request["token"]
        self._tell({"started": request["token"], "pid": taken_by})
        return None

    def _stand_by(self) -> Job | None:
        """Have a child wait; in that child, its job."""
        job = self._standby.fork(self._leave)
        if job is None:
            # Both sides set the group, so that it exists whoever runs first.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.setpgid(self._standby.pid, self._standby.pid)
        return job

    def _leave(self) -> None:
        """In the child: be a process group of its own and drop what belongs to the parent."""
        os.setpgid(0, 0)
        die_with_parent(self._pid)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._standby.dismiss()
        for end in (self._engine, self._bell, self._button, self._preloading.results):
            if end is not None:
                end.close()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._standby.ended(pid)
            self._preloading.ended(pid)
            token = self._children.pop(pid, None)
            if token is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            self._kill_strays()
            if token is not None:
                code = os.waitstatus_to_exitcode(status)
                self._tell({"exited": token, "returncode": code})

    def _kill_strays(self) -> None:
        """Kill descendants of trials that ended; those of live ones belong to their trial."""
        known = {*self._children, self._standby.pid, self._preloading.pid}
        pids = Path(f"/proc/self/task/{self._pid}/children").read_text(encoding="ascii").split()
        for pid in set(map(int, pids)) - known:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _tell(self, news: Mapping[str, object]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._engine.sendall(json.dumps(news).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
