"""Who calls: told by an API key, a token of Entra ID, or the session of a page."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from app.access.callers import LOCAL, Caller
from app.access.keys import PREFIX, ApiKey
from app.access.settings import API_KEY_HEADER, AccessSettings
from app.identity.api_keys import ApiKeys
from app.identity.key_ring import KeyRing
from app.identity.sessions import Sessions
from app.sweep.errors import UnauthenticatedError

if TYPE_CHECKING:
    from app.identity.entra import Entra

_MAX_TOKEN = 16 * 1024


class Doorkeeper:
    """Recognises callers, or lets everybody in as `local` where nobody has to say who they are."""

    def __init__(self, settings: AccessSettings, signing_key: Callable[[], str]) -> None:
        """Read the keys.

        Args:
            settings: what is accepted.
            signing_key: the key that sessions are signed with, asked for at first use.

        Raises:
            KeyFileError: the file of API keys cannot be used.
        """
        self.closed = settings.identifies
        self.api_keys = ApiKeys(KeyRing(settings.api_keys, settings.api_keys_file))
        self.entra = _entra(settings) if settings.entra else None
        self._signing_key = signing_key
        self._hours = settings.session_hours
        self._sessions: Sessions | None = None

    async def sessions(self) -> Sessions:
        """Sessions of the pages."""
        if self._sessions is None:
            key = await asyncio.to_thread(self._signing_key)
            self._sessions = Sessions(key, self.api_keys, hours=self._hours)
        return self._sessions

    async def caller(self, headers: Mapping[str, str], session: str | None) -> Caller | None:
        """Who calls; None: they do not say.

        Args:
            headers: of the request, whatever their case.
            session: the cookie of a page, where it counts. It does not where something is
                changed: a browser sends it whoever wrote the page that calls.

        Raises:
            UnauthenticatedError: what they say is not believed.
            ForbiddenError: it is, and they have no role here.
        """
        if not self.closed:
            return LOCAL
        if key := headers.get(API_KEY_HEADER, "").strip():
            return (await self.key(key)).caller
        scheme, _, token = headers.get("authorization", "").strip().partition(" ")
        if scheme:
            return await self._bearer(scheme, token.strip())
        if session:
            return (await self.sessions()).caller(session)
        return None

    async def key(self, presented: str) -> ApiKey:
        """Whose API key it is.

        Raises:
            UnauthenticatedError: it is none that is accepted.
        """
        entry = self.api_keys.remembered(presented)
        if entry is None:
            loop = asyncio.get_running_loop()
            entry = await loop.run_in_executor(self.api_keys.pool, self.api_keys.check, presented)
        return entry

    async def _bearer(self, scheme: str, token: str) -> Caller:
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN:
            raise UnauthenticatedError("Send the header Authorization: Bearer KEY-OR-TOKEN.")
        if token.startswith(PREFIX):
            return (await self.key(token)).caller
        if self.entra is None:
            raise UnauthenticatedError("This is no API key, and other tokens are not accepted.")
        return await self.entra.caller(token)


def _entra(settings: AccessSettings) -> "Entra":
    from app.identity.entra import Entra  # noqa: PLC0415 - 0.2 s that only its users spend

    return Entra(settings)
