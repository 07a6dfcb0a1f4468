"""A sweep's records in the engine: one append-only file of JSON lines, read from any offset.

A line is written whole or does not count: after a crash the next engine cuts a torn last line
off, and readers stop before one.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from app.engine.sweep_state import SweepState
from app.sweep.state import Decision, Metric, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: exactly one of the four is there; a trial stands with all that is known of it."""

    __pydantic_config__: ClassVar = ConfigDict(ser_json_inf_nan="constants")

    sweep: SweepState | None = None
    trial: Trial | None = None
    metric: Metric | None = None
    decision: Decision | None = None


_ENTRY = TypeAdapter(Entry)
ENDED = b"\n"


class Journal:
    """The writing end; only the engine has one."""

    def __init__(self, path: Path, changed: Callable[[], None] | None = None) -> None:
        """Open the file.

        Args:
            path: the file; it is made.
            changed: called whenever there is something to flush.
        """
        self._path = path
        self._changed = changed
        self._length = _whole_length(path)
        self._file = path.open("ab", buffering=0)
        self._file.truncate(self._length)
        self._torn = False
        self._pending: list[bytes] = []

    def append(self, entry: Entry) -> None:
        """Add a line to what the next `flush` writes."""
        self._pending.append(_ENTRY.dump_json(entry, exclude_none=True) + ENDED)
        if self._changed is not None:
            self._changed()

    def flush(self, *, durable: bool = False) -> bool:
        """Write what is pending; with `durable` all there is outlives a power cut.

        Returns:
            True if anything was pending.

        Raises:
            OSError: it could not be written; all of it is pending still.
        """
        news = bool(self._pending)
        if news:
            self._write(b"".join(self._pending))
            self._pending.clear()
        if durable:
            os.fsync(self._file.fileno())
        return news

    def close(self) -> None:
        """Write what is pending and close the file, whether or not that went well."""
        try:
            self.flush()
        finally:
            self._file.close()

    def _write(self, data: bytes) -> None:
        """Add the data whole, or leave the file as long as it was."""
        if self._torn:
            self._file.truncate(self._length)
            self._torn = False
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:]) or 0
        except OSError:
            self._torn = True
            with suppress(OSError):
                self._file.truncate(self._length)
                self._torn = False
            raise
        self._length += len(data)


def read(
    path: Path, offset: int = 0, *, limit: int | None = None
) -> tuple[Sequence[Entry], int, bool]:
    """The whole lines from `offset` on.

    Args:
        path: the journal's file; one that does not exist yet is empty.
        offset: bytes to pass over, as an earlier call returned it.
        limit: bytes to read at most (None: all).

    Returns:
        The entries, the offset after them, and whether there is more now.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read() if limit is None else file.read(limit)
            more = limit is not None and bool(file.read(1))
    except FileNotFoundError:
        return [], offset, False
    end = data.rfind(ENDED) + 1
    lines = data[:end].splitlines()
    return [_ENTRY.validate_json(line) for line in lines], offset + end, more


def _whole_length(path: Path) -> int:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return 0
    return data.rfind(ENDED) + 1
