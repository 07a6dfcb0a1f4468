"""The parts of a running service: made when it starts, used by routes and pages alike."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.access.callers import Actor, Caller
from app.backends.base import Backend
from app.code.snapshots import CodeStore
from app.identity.doorkeeper import Doorkeeper
from app.services.attendant import Attendant
from app.services.broadcast import Broadcast
from app.services.preview import AzureRequest
from app.services.views import Views
from app.settings import Settings
from app.store.database import Database
from app.sweep.document import BackendName
from app.webhooks.receivers import Receivers

DASHBOARD = "/dashboard"
"""The path below which the pages are."""
EMBED = "/embed"
"""The path below which are those that others may frame."""


@dataclass(frozen=True, slots=True)
class State:
    """The parts of a running service."""

    settings: Settings
    db: Database
    backends: Mapping[BackendName, Backend]
    code: CodeStore
    attendant: Attendant
    broadcast: Broadcast
    receivers: Receivers
    azure_request: AzureRequest
    views: Views
    doorkeeper: Doorkeeper

    def acting(self, actor: Actor) -> "State":
        """The same parts for somebody: what they may see is there, what they change is theirs."""
        db = self.db.acting(actor)
        return replace(self, db=db, views=self.views.acting(db))

    @property
    def caller(self) -> Caller:
        """For whom they work."""
        return self.db.actor.caller
