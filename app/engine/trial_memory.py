"""How much memory a trial holds, its children included."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def held(pid: int, enough: int) -> int:
    """Bytes of memory that a process and its descendants hold for themselves.

    Shared pages, such as those of the warm parent, count in parts. That is costly to know, so the
    cheaper sum of all their pages is the answer when it is not above `enough`.
    """
    family = list(_family(pid))
    rough = sum(_figure(each, "status", "RssAnon:") for each in family)
    if rough <= enough:
        return rough
    return sum(_figure(each, "smaps_rollup", "Pss_Anon:") for each in family)


def _family(pid: int) -> Iterator[int]:
    """The process, its children, and theirs."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _family(int(child))


def _figure(pid: int, file: str, name: str) -> int:
    """A figure of /proc in bytes; 0 for a process that is gone."""
    with suppress(OSError, IndexError, ValueError):
        text = Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8", errors="replace")
        return int(text.split(name, 1)[1].split(maxsplit=1)[0]) * 1024
    return 0
