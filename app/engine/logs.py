"""The logs of running trials, held below a limit while they are written.

A trial writes to its log file itself, so nothing it prints passes through the engine, and it is
neither slowed nor ended by printing too much. What is over the limit is cut off again some times a
second; the beginning, a line that says so, and the end stay.
"""

import ctypes
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LOOK_SECONDS = 0.1
TAIL_BYTES = 64 * 1024
"""How much of the end of a log over its limit is kept, at least."""
_KEEP_SIZE_AND_PUNCH_HOLE = 0x01 | 0x02
"""FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE of linux/falloc.h."""


class Logs:
    """The logs of all running trials, looked at by a thread of its own: a cut waits for the disk."""

    def __init__(self, limit: int) -> None:
        """Keep so many bytes of each log."""
        self._limit = limit
        self._open: dict[str, list[_Log]] = {}
        self._lock = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="logs", daemon=True)
        self._thread.start()

    def begin(self, token: str, paths: Iterable[Path]) -> None:
        """Make the logs of a trial that is about to start; its end is told with `end`."""
        logs: list[_Log] = []
        # A trial may move or delete its files; the descriptors stay with what it writes to. Where
        # none can be had, the trial will fail by itself, for the same reason.
        with suppress(OSError):
            logs.extend(_Log(path, self._limit) for path in paths)
        with self._lock:
            self._open[token] = logs
            self._lock.notify()

    def end(self, token: str) -> None:
        """The trial's processes are gone: bring its logs into their final form."""
        with self._lock:
            logs = self._open.pop(token, [])
        for log in logs:
            log.end()

    def end_all(self) -> None:
        """All trials are gone."""
        for token in list(self._open):
            self.end(token)

    def close(self) -> None:
        """End the thread, too."""
        with self._lock:
            self._closed.set()
            self._lock.notify()
        self._thread.join()
        self.end_all()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            with self._lock:
                self._lock.wait_for(lambda: self._open or self._closed.is_set())
                logs = [log for logs in self._open.values() for log in logs]
            for log in logs:
                log.trim()


class _Log:
    """One file; while it is over its limit it has a hole between the beginning and the end."""

    def __init__(self, path: Path, limit: int) -> None:
        # Without O_APPEND, with which Linux ignores where a write is to go.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._limit = limit
        self._kept = limit
        self._end_from = limit
        self._lock = threading.Lock()
        self._ended = False

    def trim(self) -> None:
        """Free what lies between the beginning and the end."""
        with self._lock:
            if not self._ended:
                self._trim()

    def end(self) -> None:
        """Close the hole: put the end after the beginning, and let go."""
        with self._lock:
            self._trim()
            self._ended = True
            if self._kept > self._limit:
                with suppress(OSError):
                    tail = os.pread(self._file, 2 * TAIL_BYTES, max(self._kept, self._end_from))
                    tail = tail.partition(b"\n")[2] or tail
                    os.pwrite(self._file, tail, self._kept)
                    os.ftruncate(self._file, self._kept + len(tail))
            os.close(self._file)

    def _trim(self) -> None:
        start = os.fstat(self._file).st_size - TAIL_BYTES
        if start <= self._end_from:
            return
        # A disk that is full, or a file system without holes, leaves it as long as it is.
        with suppress(OSError):
            if self._kept == self._limit:
                note = (
                    f"\nsweepfront: this log is over its limit of {self._limit} bytes; what "
                    "follows was dropped, but for its end\n"
                ).encode()
                os.pwrite(self._file, note, self._limit)
                self._kept += len(note)
            _punch(self._file, self._kept, max(self._kept, start))
        self._end_from = start


def _punch(file: int, start: int, end: int) -> None:
    """Free the blocks between two offsets, which then read as zeros; what is elsewhere stays."""
    libc = ctypes.CDLL(None, use_errno=True)
    length = ctypes.c_int64(end - start)
    if libc.fallocate(file, _KEEP_SIZE_AND_PUNCH_HOLE, ctypes.c_int64(start), length) != 0:
        raise OSError(ctypes.get_errno(), "the file cannot have holes")


def data_in(file: int, offset: int) -> int | None:
    """Where the next data of an open log begins, at `offset` or after it; None: nowhere."""
    try:
        return os.lseek(file, offset, os.SEEK_DATA)
    except OSError:
        return None
