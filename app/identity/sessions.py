"""Sessions of the pages: who signed in, in a signed cookie; nothing is kept here."""

import time
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from app.access.callers import Caller, Role
from app.access.keys import ApiKey
from app.identity.api_keys import ApiKeys, mark_of
from app.sweep.errors import UnauthenticatedError

COOKIE = "sweepfront_session"
FLOW_COOKIE = "sweepfront_sign_in"
FLOW_SECONDS = 600
"""How long somebody who signs in has at Entra ID."""
_SALT = "sessions"


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie holds.

    Attributes:
        text: of the cookie.
        seconds: until it ends.
    """

    text: str
    seconds: int


class Sessions:
    """Makes and reads them."""

    def __init__(self, key: str, api_keys: ApiKeys, *, hours: float) -> None:
        self._serializer = URLSafeSerializer(key, salt=_SALT)
        self._api_keys = api_keys
        self._seconds = round(hours * 3600)

    def of_key(self, entry: ApiKey) -> Session:
        """A session that lasts no longer than the key is accepted."""
        return self._made({"key": entry.id, "mark": mark_of(entry)}, self._seconds)

    def of_caller(self, caller: Caller) -> Session:
        """A session of somebody whom Entra ID knows; later changes of their roles do not count."""
        grants = {project: role.value for project, role in caller.grants.items()}
        return self._made({"name": caller.name, "grants": grants}, self._seconds)

    def caller(self, text: str) -> Caller:
        """Whose session it is.

        Raises:
            UnauthenticatedError: it is none, or is over.
        """
        try:
            found = self._serializer.loads(text)
        except BadData as error:
            raise UnauthenticatedError("The session is not one of this service's.") from error
        if found["until"] < time.time():
            raise UnauthenticatedError("The session is over; sign in again.")
        if "key" in found:
            return self._api_keys.again(found["key"], found["mark"]).caller
        grants = {project: Role(role) for project, role in found["grants"].items()}
        return Caller(found["name"], "entra", grants)

    def _made(self, facts: dict[str, object], seconds: int) -> Session:
        until = int(time.time()) + seconds
        return Session(str(self._serializer.dumps({**facts, "until": until})), seconds)
