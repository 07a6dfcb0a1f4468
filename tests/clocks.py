"""A wall clock that can be set, for real processes: a library between them and the C library."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

_SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile double *offset;
__attribute__((constructor)) static void open_offset(void) {
    int file = open(OFFSET, O_RDONLY);
    void *place = mmap(0, sizeof(double), PROT_READ, MAP_SHARED, file, 0);
    if (place != MAP_FAILED) offset = place;
}
int clock_gettime(clockid_t id, struct timespec *t) {
    int result = syscall(SYS_clock_gettime, id, t);
    if (result == 0 && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += (time_t)*offset;
    return result;
}
int gettimeofday(struct timeval *v, void *zone) {
    struct timespec t;
    int result = clock_gettime(CLOCK_REALTIME, &t);
    v->tv_sec = t.tv_sec;
    v->tv_usec = t.tv_nsec / 1000;
    return result;
}
time_t time(time_t *place) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (place) *place = t.tv_sec;
    return t.tv_sec;
}
"""
# The engine is started without LD_PRELOAD, as with all variables of the service but a few.
_AGAIN = """
import os, sys
if os.environ.get("LD_PRELOAD") != {library!r}:
    os.environ["LD_PRELOAD"] = {library!r}
    os.execv(sys.executable, sys.orig_argv)
"""


class WallClock:
    """The wall clock of the processes that are started in its `environment`."""

    def __init__(self, folder: Path) -> None:
        """Build it in that folder; skips where there is no C compiler."""
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            pytest.skip("a clock that can be set needs a C compiler")
        self._offset = folder / "offset"
        self._offset.write_bytes(struct.pack("d", 0.0))
        source, library = folder / "clock.c", folder / "clock.so"
        source.write_text(_SHIM)
        words = [compiler, "-shared", "-fPIC", f'-DOFFSET="{self._offset}"', "-o"]
        subprocess.run([*words, str(library), str(source)], check=True)
        (folder / "sitecustomize.py").write_text(_AGAIN.format(library=str(library)))
        self.environment = {"PYTHONPATH": str(folder)}

    def set(self, seconds: float) -> None:
        """Be so many seconds ahead of the real one, from now on."""
        with self._offset.open("r+b", buffering=0) as file:
            file.write(struct.pack("d", seconds))
