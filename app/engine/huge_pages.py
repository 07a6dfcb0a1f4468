"""Memory of the fork parent in huge pages, so that a fork and the end of a child are quick.

Both cost time for each page that is mapped. With scikit-learn and pandas loaded that is 40,000
small pages or some 80 huge ones: measured, 7.5 ms instead of 15 for a fork and an exit together.
Where the kernel cannot (Linux before 6.1), everything stays as it is.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

_MADV_COLLAPSE = 25
"""Linux 6.1, `madvise(2)`: make the range huge pages now, contents and all."""
_HUGE = 2 * 1024 * 1024
_OBJECT = 400
_IN_ARENA = 2000
"""Objects of that size that are sure to lie in one of Python's arenas (1 MiB)."""


def arenas_in_a_row(mebibytes: int) -> list[bytes]:
    """Have Python keep arenas for small objects beside each other.

    As they come one by one, libraries are mapped between them, and no two make a huge page.

    Args:
        mebibytes: of arenas; what is imported next should fill them.

    Returns:
        One object in each arena; the arenas stay as long as these are held.
    """
    objects = [bytes(_OBJECT) for _ in range(mebibytes * 1024 * 1024 // (_OBJECT + 48))]
    return objects[::_IN_ARENA]


def collapse() -> None:
    """Make the process's own writable memory huge pages, as far as it goes."""
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, end in _own_memory():
        for page in range(-(-start // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE):
            madvise(page, _HUGE, _MADV_COLLAPSE)


def _own_memory() -> Iterator[tuple[int, int]]:
    """Address ranges of the heap and of anonymous memory that is private and writable."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        words = line.split(maxsplit=5)
        if words[1] == "rw-p" and (len(words) <= 5 or words[5] == "[heap]"):  # noqa: PLR2004 - fields before the name
            start, end = (int(word, 16) for word in words[0].split("-"))
            yield start, end
