"""A forked process becomes a trial: its folder, its logs, its limits, its program."""

import contextlib
import ctypes
import os
import resource
import runpy
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from app.engine.standby import Job
from app.engine.trial_end import exit_code, leave

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_KILLED_FIRST = "800"
"""A trial's oom_score_adj: a machine without memory ends it rather than whoever started it."""
_NOT_EXECUTABLE = 126
_NOT_FOUND = 127


def become(job: Job) -> None:
    """Be the trial: its folder, its logs, its environment, its program."""
    _redirect(job["stdout"], job["stderr"])
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(job["env"])
    adopt_orphans()
    _confine(job["memory"], warm=job["script"])
    try:
        os.chdir(job["cwd"])
    except OSError as error:
        _fail(f"the trial's folder is gone: {error}", _NOT_EXECUTABLE)
    if job["script"]:
        _run_script(job["words"][1:])
    else:
        _execute(job["words"])


def _confine(memory: int | None, *, warm: bool) -> None:
    """Take away what no trial needs.

    Args:
        memory: bytes that it may allocate, if limited.
        warm: it stays in this process, and what that holds already is not the trial's.
    """
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST, encoding="ascii")
    if memory is not None:
        # Of the address space, RLIMIT_DATA counts what is private and written to, not the files
        # and reservations that make RLIMIT_AS useless for numerical libraries.
        limit = memory + (_data_bytes() if warm else 0)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _data_bytes() -> int:
    """What RLIMIT_DATA counts of this process now."""
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    return int(status.split("VmData:")[1].split(maxsplit=1)[0]) * 1024


def _redirect(stdout: str, stderr: str) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for target, source in (
        (0, null),
        (1, os.open(stdout, flags, 0o600)),
        (2, os.open(stderr, flags, 0o600)),
    ):
        os.dup2(source, target)
        os.close(source)


def _run_script(words: list[str]) -> NoReturn:
    """Run a Python script as `python script.py ...` would, in this already warm interpreter."""
    script = words[0]
    sys.argv = words
    sys.path[0] = str(Path(script).resolve().parent)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream, always
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        # Forks of one parent would share the state of numpy's global generator.
        numpy.random.seed()
    _use_threads()
    if not Path(script).is_file():
        _fail(f"can't open file {script!r}: no such file", 2)
    last = next(reversed(sys.modules))
    namespace: dict[str, object] = {}
    try:
        namespace = runpy.run_path(script, run_name="__main__")
        code = 0
    except SystemExit as error:
        code = exit_code(error.code)
    except BaseException as error:  # noqa: BLE001 - printed as the interpreter would
        traceback.print_exception(type(error), error, _of_script(error.__traceback__, script))
        code = 1
    leave(code, namespace, last)


def _use_threads() -> None:
    """Give the libraries, which were loaded with one thread, as many as the environment says."""
    pools = sys.modules.get("threadpoolctl")
    kinds = {"openmp": "OMP_NUM_THREADS", "blas": "OPENBLAS_NUM_THREADS"}
    found = {kind: os.environ.get(name, "1") for kind, name in kinds.items()}
    wanted = {kind: int(number) for kind, number in found.items() if number.isdecimal()}
    if pools is not None and any(number > 1 for number in wanted.values()):
        pools.threadpool_limits({kind: max(1, number) for kind, number in wanted.items()})


def _of_script(trace: TracebackType | None, script: str) -> TracebackType | None:
    """The traceback from the script's own first frame on."""
    here = trace
    while here is not None and here.tb_frame.f_code.co_filename != script:
        here = here.tb_next
    return here or trace


def _execute(words: list[str]) -> NoReturn:
    try:
        os.execvpe(words[0], words, os.environ)  # noqa: S606 - the trial's own command
    except FileNotFoundError:
        _fail(f"{words[0]}: command not found", _NOT_FOUND)
    except OSError as error:
        _fail(f"{words[0]}: {error.strerror}", _NOT_EXECUTABLE)


def _fail(words: str, code: int) -> NoReturn:
    os.write(2, f"{words}\n".encode(errors="replace"))
    os._exit(code)


def die_with_parent(parent: int) -> None:
    """Be killed when the parent ends; at once if it has ended already."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Be the parent of all descendants whose own has ended: a trial's stay below it that way."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def prctl(option: int, value: int) -> None:
    """Ask the kernel for an option of this process (prctl(2))."""
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
