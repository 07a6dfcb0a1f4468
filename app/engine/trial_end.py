"""How a trial's interpreter ends: what a script may rely on is done, what only takes time is not.

Python's own finalization takes some 0.1 s with scikit-learn loaded, nearly all of it for modules
that the fork parent imported and that the kernel frees as well. A script relies on less: that its
threads are waited for, its exit functions run, its own objects are finalized and its open files
are written.
"""

import atexit
import contextlib
import gc
import io
import itertools
import os
import sys
import threading
from typing import NoReturn


def leave(code: int, namespace: dict[str, object], last: str) -> NoReturn:
    """End the process as the end of the script would.

    Args:
        code: the exit code.
        namespace: the script's own names, which are forgotten.
        last: the module that had been imported last before the script ran; later ones are
            forgotten.
    """
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as the interpreter does
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()  # noqa: SLF001 - likewise
    _flush_files()
    _forget(namespace, last)
    _flush_files()
    os._exit(code)


def exit_code(code: object) -> int:
    """The exit code of a SystemExit; what is no number is printed, as the interpreter does."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    with contextlib.suppress(BaseException):
        print(code, file=sys.stderr)  # noqa: T201 - the script's own words
    return 1


def _forget(namespace: dict[str, object], last: str) -> None:
    """Let go of the script's objects, so that their finalizers run.

    Objects of the fork parent are frozen, so that the collector does not look at them. Modules are
    gone through from the youngest: to look at the name of an old one is to count a reference to
    it, which copies the page it lies on.
    """
    with contextlib.suppress(BaseException):
        namespace.clear()
        if last in sys.modules:
            for name in list(itertools.takewhile(lambda name: name != last, reversed(sys.modules))):
                del sys.modules[name]
        gc.collect()


def _flush_files() -> None:
    """Write what open files hold back; those that the parent had opened are frozen.

    Done before objects are forgotten, too: of a file in a cycle of objects the collector may
    finalize the buffer before the text.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    for found in gc.get_objects():
        with contextlib.suppress(BaseException):
            if isinstance(found, io.IOBase) and not found.closed:
                found.flush()
