"""Whether the service can work, part by part: each is told apart, and some decide."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.backends.base import Backend
from app.services.attendant import Attendant
from app.store.database import Database
from app.sweep.document import BackendName
from app.sweep.errors import StoreBusyError

DATABASE = "database"
TRACKER = "tracker"
LOCAL: BackendName = "local"
OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What was found.

    Attributes:
        checks: `ok` or the reason, by part: database, tracker, and each backend by its name.
        slots: of the local engine, all and those that are taken; None: it does not answer.
    """

    checks: Mapping[str, str]
    slots: tuple[int, int] | None

    @property
    def ready(self) -> bool:
        """Whether requests can be served; a backend elsewhere does not decide that."""
        decide = (DATABASE, TRACKER, LOCAL)
        return all(self.checks.get(part, OK) == OK for part in decide)


def look(db: Database, attendant: Attendant, backends: Mapping[BackendName, Backend]) -> Readiness:
    """Look at every part; takes two seconds where the local engine does not answer."""
    checks = {DATABASE: OK}
    try:
        db.ping()
    except StoreBusyError as error:
        checks[DATABASE] = error.message
    checks[TRACKER] = attendant.trouble() or OK
    slots = None
    for name, backend in sorted(backends.items()):
        found = attendant.health(name)
        checks[name] = OK if found.ok else found.detail
        if found.busy is not None:
            slots = (backend.capabilities().slots or 0, found.busy)
    return Readiness(checks=checks, slots=slots)
