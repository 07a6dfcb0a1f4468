"""How much memory is left for trials, and whether the kernel has killed for want of it.

The machine's own figures and those of the control groups that this process lies in, of either
version (https://docs.kernel.org/admin-guide/cgroup-v2.html, .../cgroup-v1/memory.html): in a
container the limit is the group's.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Files:
    """How one version of control groups calls its files and their entries."""

    limit: str
    used: str
    cache: str
    kills: str


_V2 = _Files("memory.max", "memory.current", "inactive_file", "memory.events")
_V1 = _Files(
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
    "memory.oom_control",
)


class Memory:
    """What the kernel says of memory."""

    def __init__(self, proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> None:
        """Read from these mounts; where one says nothing, the other decides."""
        self._proc = proc
        self._groups = groups

    def available(self) -> int | None:
        """Bytes that new processes can have without others losing theirs; None: not known."""
        free = [self._machine(), *(self._left(*group) for group in self._above())]
        return min((bytes_ for bytes_ in free if bytes_ is not None), default=None)

    def kills(self) -> int:
        """How often the kernel has killed a process for want of memory; rises only."""
        total = _entry(self._proc / "vmstat", "oom_kill") or 0
        for folder, files in self._above():
            total += _entry(folder / files.kills, "oom_kill") or 0
        return total

    def _machine(self) -> int | None:
        kibibytes = _entry(self._proc / "meminfo", "MemAvailable:")
        return None if kibibytes is None else kibibytes * 1024

    def _left(self, folder: Path, files: _Files) -> int | None:
        """What a group may still use; its file cache that lies idle counts as free."""
        limit, used = _number(folder / files.limit), _number(folder / files.used)
        if limit is None or used is None:
            return None
        return limit - used + (_entry(folder / "memory.stat", files.cache) or 0)

    def _above(self) -> Iterator[tuple[Path, _Files]]:
        """This process's group and those above it; each may have a limit."""
        lines: list[str] = []
        with suppress(OSError):
            lines = (self._proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            root = self._groups / "memory" if controllers else self._groups
            inside = Path(path.lstrip("/"))
            for part in (inside, *inside.parents):
                # In a container the path may be the host's, and lead nowhere here.
                if (root / part).is_dir():
                    yield root / part, _V1 if controllers else _V2


def _number(path: Path) -> int | None:
    """The number in a file; None when there is none, as with a limit of `max`."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _entry(path: Path, name: str) -> int | None:
    """The number beside that name in a file of names and numbers."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, rest = line.partition(" ")
        if key == name:
            return int(rest.split()[0])
    return None
