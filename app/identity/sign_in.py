"""Signing in to the pages with Microsoft Entra ID: the authorization code flow, by msal."""

from collections.abc import Mapping
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer
from msal import ClientApplication, ConfidentialClientApplication, PublicClientApplication

from app.access.settings import AccessSettings
from app.identity.sessions import FLOW_SECONDS
from app.sweep.errors import UnauthenticatedError

_SALT = "sign-in"


class SignIn:
    """This service as an application that people sign in to; its calls block."""

    def __init__(self, settings: AccessSettings, key: str) -> None:
        """Nothing is asked before somebody signs in.

        Args:
            settings: the tenant and this application.
            key: what the cookie of the flow is signed with.
        """
        self._settings = settings
        self._scopes = [settings.entra_scope]
        self._serializer = URLSafeTimedSerializer(key, salt=_SALT)

    def begin(self, redirect_uri: str, following: str) -> tuple[str, str]:
        """Where the browser goes to sign in, and the cookie that it comes back with.

        Args:
            redirect_uri: where Entra ID sends it back to.
            following: the path of the page that was wanted.
        """
        flow: dict[str, Any] = self._application().initiate_auth_code_flow(
            self._scopes, redirect_uri=redirect_uri
        )
        address = str(flow["auth_uri"])
        return address, str(self._serializer.dumps({"flow": flow, "next": following}))

    def finish(self, cookie: str, answer: Mapping[str, str]) -> tuple[str, str]:
        """The token that the answer is exchanged for, and the path of the page that was wanted.

        Raises:
            UnauthenticatedError: the answer belongs to no flow that this browser began, or Entra ID
                refuses.
        """
        try:
            kept = self._serializer.loads(cookie, max_age=FLOW_SECONDS)
            result = self._application().acquire_token_by_auth_code_flow(kept["flow"], dict(answer))
        except (BadData, ValueError) as error:
            raise UnauthenticatedError("This sign-in was not begun here; begin again.") from error
        token = result.get("access_token")
        if not isinstance(token, str):
            raise UnauthenticatedError(
                f"Entra ID refuses: {result.get('error_description') or result.get('error')}"
            )
        return token, str(kept["next"])

    def _application(self) -> ClientApplication:
        settings = self._settings
        common = {
            "authority": settings.entra_tenant_url,
            "instance_discovery": False,
        }
        secret = settings.entra_client_secret.get_secret_value()
        if secret:
            return ConfidentialClientApplication(
                settings.entra_client_id, client_credential=secret, **common
            )
        return PublicClientApplication(settings.entra_client_id, **common)
