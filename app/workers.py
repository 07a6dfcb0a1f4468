"""Several processes of the service on one port, and one that starts, watches and ends them."""

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from app.serving import Server, config_of
from app.settings import Settings

_HEALTH_SECONDS = 15
"""How long a worker may leave a sign of life unanswered before it is replaced."""
_END_SECONDS = 30.0
"""Beside the grace of trials: how long the workers may take to end."""
_LONGEST_PAUSE_SECONDS = 10.0

log = logging.getLogger(__name__)


def serve_workers(
    settings: Settings, count: int, build: Callable[[], FastAPI], counts: Path | None
) -> None:
    """Serve by `count` processes until SIGTERM or SIGINT; exits with 3 if they cannot start.

    Args:
        settings: of the service.
        count: how many processes answer.
        build: makes the application, in each of them; it is pickled.
        counts: a folder of their own in which they put their figures together; it is removed.
    """
    config = config_of(build, settings, workers=count)
    workers = _Workers(config, [config.bind_socket()], settings.termination_grace)
    try:
        workers.run()
    finally:
        if counts is not None:
            shutil.rmtree(counts, ignore_errors=True)
    if workers.failed:
        sys.exit(STARTUP_FAILURE)
    if workers.ended_by is not None:
        # As a service of one process ends.
        signal.signal(workers.ended_by, signal.SIG_DFL)
        signal.raise_signal(workers.ended_by)


class _Worker(Process):
    """A process that answers, and ends when the one that started it is gone."""

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Run in the new process."""
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
        super().target(sockets)

    @property
    def server(self) -> uvicorn.Server:
        """One that ends the streams of events."""
        if self._server is None:
            self._server = Server(self.config)
        return self._server


class _Workers(Multiprocess):
    """Starts the workers, and another one for each that dies.

    Attributes:
        failed: the workers could not start.
        ended_by: the signal that ended it all.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], grace: float) -> None:
        super().__init__(config, sockets)
        self.failed = False
        self.ended_by: signal.Signals | None = None
        self._patience = grace + _END_SECONDS
        self._served = False
        self._pause = 0.0
        self._not_before = 0.0

    def init_processes(self) -> None:
        """Start them all."""
        self.processes = [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """Replace those that died or do not answer.

        That none can start ends it all; once the service has been there, it is tried again.
        """
        for index, worker in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if worker.is_alive(timeout=_HEALTH_SECONDS):
                self._served = self._served or worker.is_ready(timeout=_HEALTH_SECONDS)
                continue
            if time.monotonic() < self._not_before:
                continue
            worker.kill()
            worker.process.join()
            if worker.exitcode != STARTUP_FAILURE:
                self._pause = 0.0
            elif not self._served:
                self.failed = True
                self.should_exit.set()
                return
            else:
                self._pause = min(2 * self._pause + 1.0, _LONGEST_PAUSE_SECONDS)
                self._not_before = time.monotonic() + self._pause
            log.warning(
                "worker %s ended with code %s; starting another", worker.pid, worker.exitcode
            )
            self.processes[index] = self._started()

    def join_all(self) -> None:
        """Wait for their ends, and end those that do not come to one."""
        deadline = time.monotonic() + self._patience
        for worker in self.processes:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                log.warning("worker %s does not end and is killed", worker.pid)
                worker.kill()
                worker.process.join()

    def handle_int(self) -> None:
        """End in order."""
        self._end(signal.SIGINT)

    def handle_term(self) -> None:
        """End in order."""
        self._end(signal.SIGTERM)

    def handle_hup(self) -> None:
        """End in order, as the terminal does."""
        self._end(signal.SIGHUP)

    def handle_ttin(self) -> None:
        """The number of workers stays."""

    def handle_ttou(self) -> None:
        """The number of workers stays."""

    def _end(self, by: signal.Signals) -> None:
        self.ended_by = by
        self.should_exit.set()

    def _started(self) -> _Worker:
        worker = _Worker(self.config, self.sockets)
        worker.start()
        return worker


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
