"""The digest of files by their paths and contents; what was read and has not changed is not read again."""

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from cachetools import LRUCache

_REMEMBERED = 20_000
_SETTLED_NS = 2_000_000_000
"""A file that was changed just now may change again within the same tick of the file system's clock."""
_Stamp = tuple[int, int, int, int, int]


class Digests:
    """Remembers the contents' digests of files; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: LRUCache[Path, tuple[_Stamp, str]] = LRUCache(_REMEMBERED)

    def of(self, files: Iterable[tuple[str, Path]]) -> str:
        """SHA-256 over every file's path and content, in the order of the paths.

        Args:
            files: what each is called, and where it lies.
        """
        total = hashlib.sha256()
        for name, path in sorted(files):
            total.update(f"{name}\0{self._content(path)}\n".encode())
        return total.hexdigest()

    def _content(self, path: Path) -> str:
        with self._lock:
            seen = self._seen.get(path)
        if seen is not None and seen[0] == _stamp(path.stat()):
            return seen[1]
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            content = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
        # A changed content shows in the time of the last change, which nobody can set.
        settled = abs(time.time_ns() - after.st_ctime_ns) > _SETTLED_NS
        if settled and _stamp(before) == _stamp(after):
            with self._lock:
                self._seen[path] = (_stamp(after), content)
        return content


def _stamp(found: os.stat_result) -> _Stamp:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
