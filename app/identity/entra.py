"""Microsoft Entra ID: bearer tokens become callers, and people sign in to the pages.

Checked by fastapi-azure-auth: signature by the tenant's published keys, RS256 only, audience,
issuer, and times. Signing in is the authorization code flow with PKCE, by msal.
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException
from fastapi.requests import HTTPConnection
from fastapi.security import SecurityScopes
from fastapi_azure_auth import SingleTenantAzureAuthorizationCodeBearer
from fastapi_azure_auth.user import User

from app.access.callers import Caller, Role
from app.access.settings import AccessSettings
from app.sweep.errors import ForbiddenError, SweepfrontError, UnauthenticatedError

# It writes tokens that it cannot read into its log, at levels below this one.
logging.getLogger("fastapi_azure_auth").setLevel(logging.CRITICAL)
log = logging.getLogger(__name__)

_LEEWAY_SECONDS = 60
"""By how much clocks may differ."""
_PAUSE_SECONDS = 5.0
"""Between two attempts to read the tenant's keys."""
_PARTS_OF_A_TOKEN = 3


class EntraAwayError(SweepfrontError):
    """The tenant's keys cannot be read now, so that no token can be checked."""

    code = "identity-away"


_AWAY = EntraAwayError("Entra ID does not answer, so tokens cannot be checked now; try again.")


class Entra:
    """One tenant, and this service as an application of it."""

    def __init__(self, settings: AccessSettings) -> None:
        """Nothing is asked before the first token comes."""
        self._grants = settings.entra_grants
        self._not_before = 0.0
        self._bearer = SingleTenantAzureAuthorizationCodeBearer(
            app_client_id=settings.entra_client_id,
            tenant_id=settings.entra_tenant_id,
            allow_guest_users=True,  # who is a guest has a role here only if it was assigned
            leeway=_LEEWAY_SECONDS,
        )
        self._bearer.openid_config.config_url = (
            f"{settings.entra_tenant_url}/v2.0/.well-known/openid-configuration"
        )

    async def caller(self, token: str) -> Caller:
        """Who the token was made for.

        Raises:
            UnauthenticatedError: it is not one that is accepted.
            ForbiddenError: it is, and brings no role here.
        """
        if token.count(".") != _PARTS_OF_A_TOKEN - 1:
            raise UnauthenticatedError("This is neither an API key nor a token.")
        await self._know_keys()
        header = (b"authorization", b"Bearer " + token.encode("latin-1", errors="replace"))
        connection = HTTPConnection({"type": "http", "headers": [header], "state": {}})
        try:
            user = await self._bearer(connection, SecurityScopes())
        except HTTPException as error:
            log.info("a token was refused: %s", error.detail)
            raise UnauthenticatedError(
                "This token was not accepted: it is expired, for another service, or not signed "
                "by the tenant; get a new one."
            ) from error
        if user is None:
            raise UnauthenticatedError("There is no token.")
        return self._named(user)

    async def _know_keys(self) -> None:
        """Have the tenant's keys, which are read again every day."""
        if time.monotonic() < self._not_before:
            raise _AWAY
        try:
            await self._bearer.openid_config.load_config()
        except Exception as error:
            # The library raises what came of the attempt, whatever its type.
            self._not_before = time.monotonic() + _PAUSE_SECONDS
            log.warning("the keys of Entra ID cannot be read: %s", error)
            raise _AWAY from error

    def _named(self, user: User) -> Caller:
        claims = user.claims
        name = _name(claims)
        grants = grants_of(claims, self._grants)
        if not grants:
            raise ForbiddenError(
                f"{name} has no role here: assign one of the app roles "
                f"{', '.join(sorted(self._grants))} to them in Entra ID."
            )
        return Caller(name, "entra", grants)


def grants_of(
    claims: Mapping[str, Any], known: Mapping[str, Mapping[str, Role]]
) -> dict[str, Role]:
    """The roles that a token's app roles and groups bring, the highest for each project."""
    found: dict[str, Role] = {}
    named = [*_texts(claims.get("roles")), *_texts(claims.get("groups"))]
    for each in named:
        for project, role in known.get(each, {}).items():
            before = found.get(project)
            if before is None or role.includes(before):
                found[project] = role
    return found


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _name(claims: Mapping[str, Any]) -> str:
    """A person by their sign-in name, an application by its id."""
    for claim in ("preferred_username", "upn", "email"):
        if isinstance(value := claims.get(claim), str) and value:
            return value[:250]
    application = claims.get("azp") or claims.get("appid")
    if application:
        return f"app:{application}"
    return f"oid:{claims.get('oid') or claims.get('sub')}"
