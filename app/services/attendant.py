"""Who sees to what goes on by itself: looks at sweeps, messages to webhooks, retention."""

from typing import Protocol

from app.backends.base import Health
from app.sweep.document import BackendName


class Attendant(Protocol):
    """In the process that answers requests, or in one beside it; safe from any thread."""

    def wake(self, name: str) -> None:
        """Look at this sweep as soon as possible."""

    def deliver(self) -> None:
        """There is something to send to webhooks."""

    def trouble(self) -> str | None:
        """Why sweeps are not looked at now; None while they are."""

    def health(self, name: BackendName) -> Health:
        """Whether the backend works."""

    def stop(self) -> None:
        """End in order, the backends of this process with it."""
