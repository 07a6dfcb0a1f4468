"""Whether the workspace can be used, asked in the background and told without waiting."""

import logging
import threading

from app.backends.azureml.errors import translated
from app.backends.azureml.workspace import Workspace
from app.backends.base import BackendError, Health

ASK_AGAIN_SECONDS = 60.0
log = logging.getLogger(__name__)


class HealthCheck:
    """Asks once at the start, and again from time to time while the last call failed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="azureml-health", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()

    def latest(self) -> Health:
        """What the last call said, whoever made it."""
        if missing := self._workspace.place.missing():
            return Health(ok=False, detail=missing)
        circuit = self._workspace.outgoing.circuit
        if trouble := circuit.trouble():
            return Health(ok=False, detail=trouble)
        detail = "the workspace answers" if circuit.ever_reached else "the workspace is being asked"
        return Health(ok=True, detail=detail)

    def _run(self) -> None:
        circuit = self._workspace.outgoing.circuit
        told = ""
        while not self._stopping.is_set():
            if circuit.trouble() or not circuit.ever_reached:
                words = self._ask()
                if words and words != told:
                    log.warning("azureml cannot be used: %s", words)
                told = words
            self._stopping.wait(ASK_AGAIN_SECONDS)

    def _ask(self) -> str:
        """Why the workspace does not answer; nothing if it does."""
        place = self._workspace.place
        try:
            with translated(self._workspace):
                self._workspace.client.workspaces.get(place.workspace)
        except BackendError as error:
            return error.message
        except Exception as error:  # a fault of the client must not end the thread
            log.exception("asking the workspace failed")
            return str(error)
        return ""
