"""The service's hold on the engine process: start it, find it again, restart it, let it go."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import TypeAdapter

from app.backends import local_alone
from app.backends.base import BackendError, UnknownSweepError
from app.backends.local_options import LocalOptions
from app.engine.control import (
    UNKNOWN,
    UNWRITABLE,
    About,
    EngineClient,
    EngineGoneError,
    EngineRefusedError,
)
from app.engine.limits import TrialLimits, in_words_of_settings, of_the_engine
from app.engine.workspace import UnknownNameError, Workspace

START_SECONDS = 30.0
"""How long a new engine may take until it listens."""
_STOP_SECONDS = 10.0
_MAX_PAUSE_SECONDS = 30.0
_ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "OPENBLAS_NUM_THREADS": "1"}
"""Of the engine; a sampler's small matrices gain nothing from threads, which trials would miss."""

_ABOUT = TypeAdapter(About)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineState:
    """What an engine that answers says of itself.

    Attributes:
        trouble: why it cannot write to its folder, and starts no trials; None when it can.
        notes: what else is worth knowing.
        busy: slots that are taken by a trial; None: not known here.
        here: this service has it run, alone or together with others.
    """

    trouble: str | None
    notes: Sequence[str]
    busy: int | None
    here: bool = True


def ask(client: EngineClient, op: str, timeout: float, args: Mapping[str, object]) -> object:
    """Ask the engine at the other end, and wait at most `timeout` seconds.

    Raises:
        UnknownSweepError: it has no sweep of that name.
        BackendError: it refused.
        EngineGoneError: it is gone, or does not answer.
    """
    try:
        return client.call(op, timeout=timeout, **args)
    except EngineRefusedError as error:
        raise _refusal(error) from error


def _refusal(error: EngineRefusedError) -> BackendError:
    if error.code == UNKNOWN:
        return UnknownSweepError(str(error))
    passing = error.code == UNWRITABLE
    return BackendError(str(error), retryable=passing, retry_after=1.0 if passing else None)


class EngineLink:
    """A connection to the workspace's engine that mends itself until it is closed."""

    def __init__(
        self, workspace: Workspace, *, slots: int, grace: float, options: LocalOptions
    ) -> None:
        self._workspace = workspace
        self._options = options
        self._slots = self._engine_slots = slots
        self._grace = grace
        self._changed: Callable[[str], None] = lambda _name: None
        self._lock = threading.Lock()
        self._client: EngineClient | None = None
        self._settings = in_words_of_settings(
            slots=slots,
            grace=grace,
            min_free_memory=options.min_free_memory,
            limits=TrialLimits(memory=options.trial_memory, log_bytes=options.max_log_bytes),
        )
        self._closing = threading.Event()
        self._mender: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, changed: Callable[[str], None]) -> None:
        """Bring the engine up in the background; `changed` is told of every sweep with news."""
        self._changed = changed
        self._workspace.create()
        self._mend()

    def call(self, op: str, *, timeout: float = 30.0, **args: object) -> object:
        """Ask the engine; what only tidies is done without one, should this link not be started.

        Raises:
            UnknownSweepError: it has no sweep of that name.
            BackendError: it refused, or it is away (then retryable).
        """
        client = self._client
        if client is None and self._mender is not None:
            raise BackendError("the local engine is starting", retryable=True, retry_after=1.0)
        try:
            if client is None:
                return local_alone.ask(self._workspace, op, timeout=timeout, args=args)
            return ask(client, op, timeout, args)
        except UnknownNameError as error:
            raise UnknownSweepError(str(error)) from error
        except EngineRefusedError as error:
            raise _refusal(error) from error
        except EngineGoneError as error:
            raise BackendError(str(error), retryable=True, retry_after=1.0) from error

    def state(self) -> EngineState:
        """Whether it works, in words.

        Raises:
            BackendError: it is away.
        """
        about = _ABOUT.validate_python(self.call("ping", timeout=2.0))
        self._engine_slots = int(about.settings["SWEEPFRONT_LOCAL_SLOTS"] or 1)
        return EngineState(trouble=about.trouble, notes=self._notes(about), busy=about.busy)

    @property
    def slots(self) -> int:
        """How many trials run at once: what the engine was started with counts."""
        return self._engine_slots

    def _notes(self, about: About) -> list[str]:
        """What somebody should know who thinks that this service has an engine to itself."""
        notes = []
        if (others := about.services - 1) > 0:
            plural = "services use" if others > 1 else "service uses"
            notes.append(
                f"{others} other {plural} this folder and its engine, which ends with the last one"
            )
        theirs = about.settings
        other = [
            f"{name}={theirs[name]}" for name, own in self._settings.items() if theirs[name] != own
        ]
        if other:
            notes.append(f"it was started with {', '.join(other)}, which count until it ends")
        return notes

    def close(self) -> None:
        """Let go of the engine; the last service's ends in order, which is waited for."""
        self._closing.set()
        if self._mender is not None:
            self._mender.join(timeout=START_SECONDS)
        client = self._client
        if client is None:
            if self._process is not None:
                # Started, but not heard of yet.
                self._process.terminate()
                self._await_end()
            return
        ends: object = True
        with suppress(EngineGoneError, EngineRefusedError):
            ends = client.call("leave", timeout=self._grace + _STOP_SECONDS)
        client.close()
        if ends:
            self._await_end()
        else:
            log.warning("another service uses the local engine, which therefore goes on")

    def _mend(self) -> None:
        if not self._closing.is_set():
            self._mender = threading.Thread(target=self._keep_trying, name="engine-link")
            self._mender.daemon = True
            self._mender.start()

    def _lost(self) -> None:
        log.warning("the local engine went away; starting it again")
        self._client = None
        self._mend()

    def _keep_trying(self) -> None:
        pause = 0.5
        while not self._closing.is_set():
            try:
                self._client = self._connect_or_start()
            except (EngineGoneError, OSError) as error:
                log.warning("%s; trying again in %.0f s", error, pause)
                self._closing.wait(pause)
                pause = min(pause * 2, _MAX_PAUSE_SECONDS)
            else:
                with suppress(BackendError):
                    if notes := self.state().notes:
                        log.warning("the local engine was at work already: %s", "; ".join(notes))
                return

    def _connect_or_start(self) -> EngineClient:
        with suppress(EngineGoneError):
            return self._connect()
        if self._process is not None:
            self._process.poll()
        process = self._process = self._spawn()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not self._closing.is_set():
            with suppress(EngineGoneError):
                return self._connect()
            code = process.poll()
            if code is not None and self._workspace_is_free():
                raise EngineGoneError(
                    f"the local engine ended with code {code}; see {self._workspace.engine_log}"
                )
            time.sleep(0.02)
        raise EngineGoneError(f"the local engine did not listen within {START_SECONDS:.0f} s")

    def _connect(self) -> EngineClient:
        path = self._workspace.control_socket
        return EngineClient(path, changed=self._changed, lost=self._lost)

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start an engine in a session of its own, so that it outlives a killed service."""
        words = [sys.executable, "-m", "app", "engine"]
        words += ["--workspace", str(self._workspace.folder)]
        words += ["--slots", str(self._slots), "--grace", str(self._grace)]
        words += ["--min-free-memory", str(self._options.min_free_memory)]
        words += ["--log-bytes", str(self._options.max_log_bytes)]
        words += ["--log-level", self._options.log_level, "--log-format", self._options.log_format]
        if self._options.trial_memory is not None:
            words += ["--trial-memory", str(self._options.trial_memory)]
        with self._workspace.engine_log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**of_the_engine(os.environ), **_ENVIRONMENT},
            )

    def _workspace_is_free(self) -> bool:
        try:
            lock = self._workspace.lock()
        except OSError:
            # Where nothing can be written no engine can be started, and none is waited for.
            return True
        if lock is None:
            return False
        lock.release()
        return True

    def _await_end(self) -> None:
        deadline = time.monotonic() + self._grace + _STOP_SECONDS
        while time.monotonic() < deadline and not self._workspace_is_free():
            time.sleep(0.02)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=_STOP_SECONDS)
