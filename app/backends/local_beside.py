"""The local engine as the process beside a service uses it: the service starts and ends it."""

import logging
import threading
from collections.abc import Callable, Mapping

from pydantic import TypeAdapter

from app.backends.base import BackendError
from app.backends.local_engine import EngineState, ask
from app.engine.control import EngineClient, EngineGoneError, EngineRefusedError
from app.engine.workspace import Workspace

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.2
_WAIT_SECONDS = 2.0
"""For an engine that has just been started, or starts again."""
_NAMES = TypeAdapter(list[str])

log = logging.getLogger(__name__)


class EngineBeside:
    """A connection to an engine that somebody else keeps at work; it comes back with the engine."""

    def __init__(self, workspace: Workspace, *, slots: int) -> None:
        """Describe the engine.

        Args:
            workspace: its folder.
            slots: how many trials it runs at once, as far as the settings here tell.
        """
        self.slots = slots
        self._workspace = workspace
        self._changed: Callable[[str], None] = lambda _name: None
        self._client: EngineClient | None = None
        self._connected = threading.Event()
        self._lost = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine-beside", daemon=True)

    def start(self, changed: Callable[[str], None]) -> None:
        """Connect as soon as there is an engine; `changed` is told of every sweep with news."""
        self._changed = changed
        self._thread.start()

    def close(self) -> None:
        """Hang up."""
        self._closing.set()
        self._lost.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def call(self, op: str, *, timeout: float = 30.0, **args: object) -> object:
        """Ask the engine.

        Raises:
            UnknownSweepError: it has no sweep of that name.
            BackendError: it refused, or it is away (then retryable).
        """
        self._connected.wait(_WAIT_SECONDS)
        return self._ask(op, timeout, args)

    def state(self) -> EngineState:
        """That it works is told by the service that has it at work.

        Raises:
            BackendError: it is away.
        """
        self._ask("ping", 2.0, {})
        return EngineState(trouble=None, notes=(), busy=None)

    def _ask(self, op: str, timeout: float, args: Mapping[str, object]) -> object:
        client = self._client
        if client is None:
            raise BackendError("the local engine is starting", retryable=True, retry_after=1.0)
        try:
            return ask(client, op, timeout, args)
        except EngineGoneError as error:
            raise BackendError(str(error), retryable=True, retry_after=1.0) from error

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            self._lost.clear()
            try:
                client = EngineClient(
                    self._workspace.control_socket, changed=self._changed, lost=self._lost.set
                )
            except EngineGoneError:
                self._closing.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                continue
            pause = _FIRST_PAUSE_SECONDS
            self._stay(client)

    def _stay(self, client: EngineClient) -> None:
        """Stay connected until the engine goes or the service ends."""
        try:
            # What changed while nobody listened was not told.
            for name in _NAMES.validate_python(client.call("assist")):
                self._changed(name)
            self._client = client
            self._connected.set()
            if not self._closing.is_set():
                self._lost.wait()
        except EngineGoneError:
            self._closing.wait(_FIRST_PAUSE_SECONDS)
        except EngineRefusedError as error:
            log.warning("the local engine cannot be used: %s", error)
            self._closing.wait(_LONGEST_PAUSE_SECONDS)
        finally:
            self._connected.clear()
            self._client = None
            client.close()
