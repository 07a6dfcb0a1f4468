"""What goes on by itself in a service: looks at sweeps, messages to webhooks, retention."""

from collections.abc import Mapping

from app.backends.base import Backend, Health
from app.code.snapshots import CodeStore
from app.services.retention_rounds import RetentionRounds
from app.services.tracker import Tracker
from app.settings import Settings
from app.store.database import Database
from app.sweep.document import BackendName
from app.watching.backend_calls import watched
from app.webhooks.courier import Courier
from app.webhooks.receivers import Receivers


class Attending:
    """All of it, in this process; see `app.services.attendant`."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        backends: Mapping[BackendName, Backend],
        code: CodeStore,
        receivers: Receivers,
    ) -> None:
        """Prepare; nothing happens before `start`.

        Args:
            settings: of the service.
            db: the records.
            backends: of this process, which are started and ended.
            code: the snapshots of the trials' code.
            receivers: whom webhooks may name.
        """
        self._backends = backends
        elsewhere: list[BackendName] = ["local"] if settings.engine_elsewhere else []
        self._tracker = Tracker(db, backends, code, elsewhere=elsewhere)
        self._retention = RetentionRounds(
            db, backends, settings.retention_terms, settings.retention
        )
        self._courier = Courier(db, receivers)

    def start(self) -> None:
        """Set to work."""
        for backend in self._backends.values():
            watched(backend).start(self._tracker.wake)
        self._tracker.start()
        self._retention.start()
        self._courier.start()

    def wake(self, name: str) -> None:
        """Look at this sweep as soon as possible."""
        self._tracker.wake(name)

    def deliver(self) -> None:
        """There is something to send to webhooks."""
        self._courier.wake()

    def trouble(self) -> str | None:
        """Why sweeps are not looked at now; None while they are."""
        return self._tracker.trouble()

    def health(self, name: BackendName) -> Health:
        """Whether the backend works."""
        return self._backends[name].health()

    def stop(self) -> None:
        """End in order."""
        self._retention.stop()
        for backend in self._backends.values():
            backend.close()
        self._tracker.stop()
        self._courier.stop()
