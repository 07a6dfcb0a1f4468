"""Reading the log of a trial, which may grow meanwhile, and may have a hole in the middle."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from app.engine.logs import data_in

_CHUNK = 64 * 1024


def chunks(path: Path, offset: int) -> Iterator[bytes]:
    """What the log holds from there on; the hole in one that is over its limit is passed over."""
    with path.open("rb", buffering=0) as file:
        while (start := data_in(file.fileno(), offset)) is not None:
            hole = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            chunk = os.pread(file.fileno(), min(_CHUNK, hole - start), start)
            if not chunk:
                return
            yield chunk
            offset = start + len(chunk)


def last_lines(path: Path, count: int, start: int) -> list[bytes]:
    """The last `count` lines of what follows `start`."""
    lines: deque[bytes] = deque(maxlen=count)
    rest = b""
    for chunk in chunks(path, start):
        *whole, rest = (rest + chunk).split(b"\n")
        lines.extend(line + b"\n" for line in whole)
    return [*lines, rest][-count:] if rest else list(lines)
