"""The local engine as services see it that do not run it: another replica does, in a shared folder."""

from collections.abc import Callable
from contextlib import closing

from app.backends.base import BackendError
from app.backends.local_engine import EngineState, ask
from app.engine.control import EngineClient, EngineGoneError
from app.engine.workspace import Workspace

_AGAIN_SECONDS = 5.0


class EngineElsewhere:
    """Asks the engine where its socket can be reached, and never starts one."""

    def __init__(self, workspace: Workspace, *, replica: str, slots: int) -> None:
        """Describe the engine.

        Args:
            workspace: its folder, which the replicas share.
            replica: the name of the one that runs it.
            slots: how many trials it runs at once, as far as the settings here tell.
        """
        self.slots = slots
        self._workspace = workspace
        self._replica = replica

    def start(self, changed: Callable[[str], None]) -> None:
        """Nothing starts here; what changes is told to the replica that runs the engine."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def call(self, op: str, *, timeout: float = 30.0, **args: object) -> object:
        """Ask the engine, on a connection for this question alone.

        Raises:
            UnknownSweepError: it has no sweep of that name.
            BackendError: it refused, or it cannot be reached from here (then retryable).
        """
        try:
            client = EngineClient(
                self._workspace.control_socket, changed=lambda _name: None, lost=lambda: None
            )
            with closing(client):
                return ask(client, op, timeout, args)
        except EngineGoneError as error:
            raise BackendError(
                f"the local engine runs on the replica {self._replica!r} and cannot be reached "
                "from here; ask that replica",
                retryable=True,
                retry_after=_AGAIN_SECONDS,
            ) from error

    def state(self) -> EngineState:
        """Where it runs; that it works is seen to by the replica that runs it."""
        words = f"it runs on the replica {self._replica!r}"
        try:
            self.call("ping", timeout=2.0)
        except BackendError:
            words += " and cannot be reached from here"
        return EngineState(trouble=None, notes=(words,), busy=None, here=False)
