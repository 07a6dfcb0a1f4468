"""The process beside the web server is started, and another one for each that dies."""

import gc
import logging
import os
import shutil
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from app.beside.link import Beside
from app.beside.working import work
from app.settings import Settings

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0

log = logging.getLogger(__name__)


def fork(settings: Settings, counts: Path | None) -> Beside:
    """Start the process; while this one has a single thread and no connection of its own.

    A process between the two starts another one for each that dies, as this one soon has threads
    and must not fork any more.

    Args:
        settings: of the service.
        counts: a folder of their own in which both put their figures together; it is removed.
    """
    # What was loaded is shared by the processes as long as nobody goes through it.
    gc.freeze()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    keeper = os.fork()
    if keeper == 0:
        ours.close()
        try:
            _keep(theirs, settings)
        finally:
            if counts is not None:
                shutil.rmtree(counts, ignore_errors=True)
            os._exit(0)
    theirs.close()
    return Beside(ours, keeper)


def _keep(link: socket.socket, settings: Settings) -> None:
    """See to it that there is a process that attends, until the web server has ended."""
    _call_this_process("sweep-keeper")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The web server is told likewise, and ends the link. No child inherits a handler.
        signal.signal(number, lambda *_: None)
    pause = _FIRST_PAUSE_SECONDS
    while True:
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _call_this_process("sweep-tracker")
            work(link, settings)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == 0 or _hung_up(link):
            return
        log.warning("the process that looks at sweeps ended with code %d; starting another", code)
        if time.monotonic() - begun > _LONGEST_PAUSE_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _call_this_process(name: str) -> None:
    """So that `top` tells the processes apart; 15 characters at most."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name, encoding="ascii")


def _hung_up(link: socket.socket) -> bool:
    try:
        return not link.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
