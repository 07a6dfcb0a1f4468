"""Real file systems that are full or read-only, for a while."""

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

MIB = 1024 * 1024


@contextmanager
def small_disk(folder: Path, *, mebibytes: int) -> Iterator[None]:
    """A file system of that size at `folder`, which is made; skips where mounting is not allowed."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not a byte is left on the folder's file system."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def no_longer_files(pids: list[int]) -> Iterator[None]:
    """Processes that cannot make any file longer than one byte: a full disk without mounting."""
    before = {}
    for pid in pids:
        before[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[pid][1]))
    try:
        yield
    finally:
        for pid, limits in before.items():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """New files below the folder cannot be made, nor old ones opened for writing.

    Files that a process has open for writing already stay writable to it, as the kernel has it.
    """
    if os.geteuid() != 0:
        mode = folder.stat().st_mode
        below = [path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()]
        for path in (folder, *below):
            path.chmod(0o500)
        try:
            yield
        finally:
            for path in (folder, *below):
                path.chmod(mode)
        return
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
