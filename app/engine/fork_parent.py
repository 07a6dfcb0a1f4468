"""The warm parent of all trials: a process that imports what trials need, and then only forks.

It has one thread and calls nothing that would start another, so that a fork is safe. It takes
lines of JSON from the engine and answers with `{"started", "pid"}` and `{"exited",
"returncode"}`. It dies with the engine, and every trial dies with it.
"""

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

PRELOADED = (
    "numpy",
    "pandas",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.neighbors",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "mlflow",
    "app.engine.trial_store",
)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_KILLED_FIRST = "800"
"""A trial's oom_score_adj: a machine without memory ends it rather than whoever started it."""
_NOT_EXECUTABLE = 126
_NOT_FOUND = 127

Job = Mapping[str, Any]


def main(descriptor: int, engine: int) -> None:
    """Serve until the engine goes; in each forked child, become the trial.

    Args:
        descriptor: the inherited socket to the engine.
        engine: the engine's process id, to notice that it died before we could ask to be told.
    """
    _die_with_parent(engine)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        print(f"fork parent: {threads} threads after the imports; forks may hang", file=sys.stderr)  # noqa: T201 - to engine.log
    gc.collect()
    gc.freeze()
    job = _Nursery(socket.socket(fileno=descriptor)).serve()
    if job is not None:
        _become(job)


class _Nursery:
    """Forks children and waits for them."""

    def __init__(self, engine: socket.socket) -> None:
        self._engine = engine
        self._received = b""
        self._children: dict[int, str] = {}
        self._bell, self._button = socket.socketpair()
        self._button.settimeout(0)
        self._pid = os.getpid()

    def serve(self) -> Job | None:
        """Work for the engine; returns a job in the child that is to do it, None at the end."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._button.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._engine, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._bell in ready:
                    self._bell.recv(4096)
                    self._reap()
                if self._engine in ready:
                    data = self._engine.recv(1024 * 1024)
                    if not data:
                        return None
                    *lines, self._received = (self._received + data).split(b"\n")
                    for line in lines:
                        job = self._obey(json.loads(line))
                        if job is not None:
                            return job

    def _obey(self, request: Job) -> Job | None:
        if "signal" in request:
            for pid in [p for p, token in self._children.items() if token == request["token"]]:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, request["signal"])
            return None
        pid = os.fork()
        if pid == 0:
            self._leave()
            return request
        # Both sides set the group, so that it exists whoever runs first.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)
        self._children[pid] = request["token"]
        self._tell({"started": request["token"], "pid": pid})
        return None

    def _leave(self) -> None:
        """In the child: be a process group of its own and drop what belongs to the parent."""
        os.setpgid(0, 0)
        _die_with_parent(self._pid)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._engine, self._bell, self._button):
            end.close()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            token = self._children.pop(pid, None)
            if token is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                self._kill_strays(token)
                code = os.waitstatus_to_exitcode(status)
                self._tell({"exited": token, "returncode": code})

    def _kill_strays(self, token: str) -> None:
        """Kill descendants that left the trial's group; as orphans they have become our children."""
        marker = f"SWEEPFRONT_TRIAL={token}\0".encode()
        pids = Path(f"/proc/self/task/{self._pid}/children").read_text(encoding="ascii").split()
        for pid in map(int, pids):
            with contextlib.suppress(OSError):
                if (
                    pid not in self._children
                    and marker in Path(f"/proc/{pid}/environ").read_bytes()
                ):
                    os.kill(pid, signal.SIGKILL)

    def _tell(self, news: Mapping[str, object]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._engine.sendall(json.dumps(news).encode() + b"\n")


def _become(job: Job) -> None:
    """Be the trial: its folder, its logs, its environment, its program."""
    _redirect(job["stdout"], job["stderr"])
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(job["env"])
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
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
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


def _run_script(words: list[str]) -> None:
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
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - printed as the interpreter would
        trace = _of_script(error.__traceback__, script)
        traceback.print_exception(type(error), error, trace)
        sys.exit(1)


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


def _die_with_parent(parent: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
