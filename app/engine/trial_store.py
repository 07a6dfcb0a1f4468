"""The MLflow tracking store that trials see: each call goes to the engine over its socket.

Log calls do not wait for an answer; the engine numbers them as they arrive and writes what it
could not take into the trial's stderr.log.
"""

import inspect
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.store.tracking.abstract_store import AbstractStore

from app.engine.trial_calls import FORWARDED, UNWAITED
from app.engine.wire import Frames, Message, connect, frame

TOKEN = "SWEEPFRONT_TRIAL"  # noqa: S105 - the name of a variable
"""Environment variable that tells the engine which attempt is talking."""


class _Line:
    """One process's connection to the engine."""

    def __init__(self, path: Path) -> None:
        self.pid = os.getpid()
        self._frames = Frames()
        try:
            self._peer = connect(path)
            self._peer.sendall(frame(os.environ.get(TOKEN, "")))
        except OSError as error:
            raise MlflowException(f"the sweep's engine cannot be reached: {error}") from error

    def send(self, method: str, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        """Send a call that is not answered."""
        self._put((False, method, args, kwargs))

    def call(self, method: str, args: tuple[object, ...], kwargs: dict[str, object]) -> Message:
        """Send a call and wait for its result."""
        self._put((True, method, args, kwargs))
        while True:
            data = self._peer.recv(256 * 1024)
            if not data:
                raise MlflowException("the sweep's engine went away")
            for ok, result in self._frames.feed(data):
                if ok:
                    return result
                raise MlflowException(str(result))

    def _put(self, message: object) -> None:
        try:
            self._peer.sendall(frame(message))
        except OSError as error:
            raise MlflowException(f"the sweep's engine went away: {error}") from error


class _Forwarding:
    """Sends each call down the line; a process that forked from another opens its own."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._lock = threading.Lock()
        self._line: _Line | None = None

    def forward(self, method: str, args: tuple[object, ...], kwargs: dict[str, object]) -> Message:
        with self._lock:
            if self._line is None or self._line.pid != os.getpid():
                self._line = _Line(self._path)
            if method in UNWAITED:
                self._line.send(method, args, kwargs)
                return None
            return self._line.call(method, args, kwargs)


def _forwarder(name: str) -> Callable[..., Message]:
    def forward(self: _Forwarding, *args: object, **kwargs: object) -> Message:
        return self.forward(name, args, kwargs)

    return forward


def _refuser(name: str) -> Callable[..., Message]:
    def refuse(_self: _Forwarding, *_args: object, **_kwargs: object) -> Message:
        raise MlflowException(f"{name} is not available inside a trial")

    return refuse


_methods = {
    name
    for name, member in inspect.getmembers(AbstractStore, inspect.isfunction)
    if getattr(member, "__isabstractmethod__", False)
}
TrialStore: Any = type(
    "TrialStore",
    (_Forwarding, AbstractStore),
    {name: _refuser(name) for name in _methods} | {name: _forwarder(name) for name in FORWARDED},
)
"""Takes the path of the engine's socket; every method that is not forwarded is refused."""
