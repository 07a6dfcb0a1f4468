"""Environments of trials: virtual environments, built once by uv and kept below the engine's folder.

```
environments/<key>/           the virtual environment; complete once `built` is in it
environments/<key>.log        what the installer said
environments/<key>.lock       held while it is built
```
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from app.backends.base import BackendError
from app.engine import trial_package
from app.engine.limits import inherited
from app.sweep.requirements import Requirements

PYTHON = (sys.version_info.major, sys.version_info.minor)
"""The one version that environments are made of."""
_UV_VARIABLE = re.compile(r"UV_\w+\Z")
_MLFLOW = frozenset({"mlflow", "mlflow-skinny"})
_POLL_SECONDS = 0.05
_SAID_BYTES = 3000
_STORAGE = re.compile(rf"\(os error ({errno.ENOSPC}|{errno.EDQUOT}|{errno.EFBIG}|{errno.EROFS})\)")
"""How uv says that it could not write."""


class Environments:
    """The environments of one workspace; safe to use from many threads and processes."""

    def __init__(self, folder: Path, *, timeout: float, stopping: threading.Event) -> None:
        """Keep them in `folder`; a build ends after `timeout` seconds, or when `stopping` is set."""
        self._folder = folder
        self._timeout = timeout
        self._stopping = stopping

    def built(self, requirements: Requirements) -> Path | None:
        """The interpreter of that environment if it was built before."""
        home = self._folder / _key(_lines(requirements))
        return home / "bin" / "python" if (home / "built").exists() else None

    def build(self, requirements: Requirements) -> Path:
        """The interpreter of that environment, which is built if need be.

        Raises:
            BackendError: the installer failed, in its words, or there is none.
            OSError: there is no room for it, or the folder may not be written.
        """
        lines = _lines(requirements)
        key = _key(lines)
        home = self._folder / key
        deadline = time.monotonic() + self._timeout
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone(self._folder / f"{key}.lock", deadline) as lock:
            if not (home / "built").exists():
                try:
                    self._make(home, lines, deadline, lock)
                except OSError:
                    shutil.rmtree(home, ignore_errors=True)
                    raise
        return home / "bin" / "python"

    def _make(self, home: Path, lines: Sequence[str], deadline: float, lock: int) -> None:
        """Build from nothing; whatever an earlier try left is removed."""
        shutil.rmtree(home, ignore_errors=True)
        wanted, log = home.with_suffix(".txt"), home.with_suffix(".log")
        wanted.write_text("\n".join([*lines, ""]), encoding="utf-8")
        uv, python = str(_uv()), str(home / "bin" / "python")
        venv = [uv, "venv", "--no-python-downloads", "--python", sys.executable, str(home)]
        install = [uv, "pip", "install", "--compile-bytecode", "--python", python]
        with log.open("wb") as output:
            for words in (venv, [*install, "-r", str(wanted)]):
                self._run(words, output.fileno(), log, deadline, lock)
        library = home / "lib" / f"python{PYTHON[0]}.{PYTHON[1]}"
        trial_package.install(library / "site-packages")
        (home / "built").touch()

    def _run(
        self, words: Sequence[str], output: int, log: Path, deadline: float, lock: int
    ) -> None:
        process = subprocess.Popen(  # noqa: S603 - uv, with what the document asks for in a file
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_installers_environment(),
            # Of its own folder, so that no project around the service is taken for its own.
            cwd=self._folder,
            start_new_session=True,
            # It holds the lock, too: should the service be killed, the next one waits for it.
            pass_fds=(lock,),
        )
        try:
            while process.poll() is None:
                self._check_time(deadline, log)
                time.sleep(_POLL_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode != 0:
            if found := _STORAGE.search(_said(log)):
                raise OSError(int(found[1]), os.strerror(int(found[1])), str(log.parent))
            raise BackendError(
                f"the trial's environment could not be built; uv says: {_said(log)}\n"
                f"Correct trial.environment and submit again; the whole log is {log}"
            )

    @contextmanager
    def _alone(self, path: Path, deadline: float) -> Iterator[int]:
        """Hold a lock that other threads and services respect; its descriptor."""
        with path.open("wb") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self._check_time(deadline, path.with_suffix(".log"))
                    time.sleep(_POLL_SECONDS)
            yield file.fileno()

    def _check_time(self, deadline: float, log: Path) -> None:
        if self._stopping.is_set():
            raise BackendError("the service is stopping", retryable=True)
        if time.monotonic() > deadline:
            raise BackendError(
                f"the trial's environment was not built within {self._timeout:g} s; raise "
                f"SWEEPFRONT_ENVIRONMENT_TIMEOUT, or see {log} for what takes so long"
            )


def _lines(requirements: Requirements) -> tuple[str, ...]:
    """What is installed: the document's lines, and MLflow as the engine has it."""
    if requirements.names & _MLFLOW:
        return requirements.lines
    return (*requirements.lines, f"mlflow-skinny=={version('mlflow-skinny')}")


def _key(lines: Sequence[str]) -> str:
    """The same for the same lines in any order, Python and side of the tracking."""
    packages = sorted(set(lines))
    text = "\0".join([sys.version, sys.platform, trial_package.digest(), *packages])
    return hashlib.sha256(text.encode()).hexdigest()


def _uv() -> Path:
    """The installer beside the interpreter, where its package puts it, or in the PATH."""
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return beside
    with suppress(PackageNotFoundError):
        for file in distribution("uv").files or ():
            if file.name == "uv" and (found := Path(str(file.locate()))).is_file():
                return found
    if found_in_path := shutil.which("uv"):
        return Path(found_in_path)
    raise BackendError(
        "the trial's environment cannot be built without uv; install it beside the service "
        "(pip install uv), or leave trial.environment out to run in the service's own"
    )


def _installers_environment() -> dict[str, str]:
    """None of the service's secrets; uv's own variables, which may name an index."""
    own = {name: value for name, value in os.environ.items() if _UV_VARIABLE.match(name)}
    cache = {name: os.environ[name] for name in ("XDG_CACHE_HOME",) if name in os.environ}
    environment = inherited(os.environ) | own | cache | {"UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    environment.pop("VIRTUAL_ENV", None)
    return environment


def _said(log: Path) -> str:
    """The end of what the installer said."""
    text = log.read_bytes()[-_SAID_BYTES:].decode(errors="replace")
    return " ".join(text.split())
