"""The fork parent imports what a sweep's script will import, once it is known to do no harm.

A module that starts threads, or kills the process, must not be imported in the parent of all
trials. A child tries first; the parent then imports what did well there.
"""

import contextlib
import importlib
import os
import signal
import socket
import sys
import sysconfig
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from pathlib import Path


class Preloading:
    """The attempt that is under way, if there is one; `pid` is its child's, 0 when there is none.

    A later one takes its place.
    """

    def __init__(self) -> None:
        self._tried: set[str] = set()
        self.pid = 0
        self._received = b""
        self.results: socket.socket | None = None

    def begin(self, names: Iterable[str], leave: Callable[[], None]) -> socket.socket | None:
        """Have a child import what was never tried before.

        Args:
            names: modules, or names in modules.
            leave: called in the child, which drops there what belongs to the parent.

        Returns:
            `results`, which becomes readable later; None when there is nothing to try.
        """
        new = [name for name in names if name not in self._tried and name not in sys.modules]
        self._tried |= set(new)
        wanted = [name for name in new if _installed(name)]
        if not wanted:
            return None
        self.stop()
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            leave()
            _try(wanted, theirs)
        theirs.close()
        self.pid, self._received, self.results = pid, b"", ours
        return ours

    def read(self) -> list[str] | None:
        """What did well, once the child has ended; None before."""
        if self.results is None:
            return None
        data = self.results.recv(65536)
        self._received += data
        if data:
            return None
        self.stop()
        return self._received.decode().split()

    def stop(self) -> None:
        """End the attempt that is under way."""
        if self.results is not None:
            self.results.close()
            self.results = None
        if self.pid:
            # Not reaped yet, so that the number is still this child's.
            os.kill(self.pid, signal.SIGKILL)
            self.pid = 0

    def ended(self, pid: int) -> None:
        """Take note that a child has been reaped."""
        if pid == self.pid:
            self.pid = 0


def threads() -> int:
    """How many threads this process has, those that libraries started among them."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - only the number counts


def load(names: Iterable[str]) -> None:
    """Import modules as far as they can be imported."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _installed(name: str) -> bool:
    """True for a module of the standard library or of the installed packages."""
    top = name.partition(".")[0]
    paths = sysconfig.get_paths()
    with contextlib.suppress(Exception):
        places = [paths["purelib"], paths["platlib"]]
        return top in sys.stdlib_module_names or PathFinder.find_spec(top, places) is not None
    return False


def _try(names: Iterable[str], results: socket.socket) -> None:
    """In the child: tell of each module that was imported and started no thread, then end."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    os.chdir(Path(sys.prefix))
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: BLE001, S112 - whatever it is, the parent does without
            continue
        if threads() > 1:
            break
        results.sendall(f"{name}\n".encode())
    os._exit(0)
