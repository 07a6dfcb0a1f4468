"""Signing in: an OAuth authority that gives out signed tokens, and the check of those tokens.

Beside an application's secret and certificate it knows a managed identity, offered as App Service
does, and a workload identity, whose token another issuer signed.
"""

import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter, HTTPException, Request

TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"
SECRET = "emulated"  # noqa: S105 - nothing is behind it
IDENTITY_HEADER = "only-this-machine-knows"
_ALGORITHM = "RS256"
_EXCHANGE = "api://AzureADTokenExchange"
_WORKLOAD = "system:serviceaccount:default:sweepfront"


class Authority:
    """One tenant with one application, which is also a managed and a workload identity."""

    def __init__(self, base: str, certificate: Path, federated: Path) -> None:
        """Make the authority.

        Args:
            base: its address.
            certificate: the application's, with which it may sign in instead of its secret.
            federated: file that gets the token of the workload's own issuer.
        """
        self._base = base
        self._certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._issuer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        claims: dict[str, Any] = {"iss": f"{base}/cluster", "sub": _WORKLOAD, "aud": _EXCHANGE}
        claims["exp"] = int(time.time()) + 24 * 3600
        federated.write_text(jwt.encode(claims, self._issuer, algorithm=_ALGORITHM))
        self.lifetime = 3600
        self.tokens_given = 0
        self.router = APIRouter()
        add = self.router.add_api_route
        add("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration)
        add("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"])
        add("/msi/token", self._managed)

    def revoke(self) -> None:
        """Have every token given so far refused, before its time."""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def check(self, request: Request) -> None:
        """Refuse a request without a token of ours that is still good."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            jwt.decode(
                token if kind == "Bearer" else "",
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                options={"verify_aud": False},
            )
        except jwt.InvalidTokenError as error:
            raise HTTPException(401, str(error)) from error

    def _proves(self, form: dict[str, str]) -> bool:
        """A secret, or an assertion of the application itself or of the workload's issuer."""
        if "client_assertion" not in form:
            return form.get("client_secret") == SECRET
        return self._own(form["client_assertion"]) or self._federated(form["client_assertion"])

    def _federated(self, assertion: str) -> bool:
        try:
            claims = jwt.decode(
                assertion, self._issuer.public_key(), algorithms=[_ALGORITHM], audience=_EXCHANGE
            )
        except jwt.InvalidTokenError:
            return False
        return bool(claims["sub"] == _WORKLOAD)

    def _own(self, assertion: str) -> bool:
        """Signed with the key of the application's certificate."""
        try:
            claims = jwt.decode(
                assertion,
                self._certificate.public_key(),  # type: ignore[arg-type]
                algorithms=["RS256", "PS256"],
                options={"verify_aud": False},
            )
        except jwt.InvalidTokenError:
            return False
        return bool(claims["iss"] == claims["sub"] == CLIENT)

    def _configuration(self, tenant: str) -> dict[str, Any]:
        root = f"{self._base}/{tenant}"
        return {
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
        }

    async def _token(self, tenant: str, request: Request) -> dict[str, Any]:
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("client_id") != CLIENT or not self._proves(form):
            raise HTTPException(401, "invalid_client")
        token = self._signed(tenant, form.get("scope", "").removesuffix("/.default"))
        return {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token}

    def _managed(self, request: Request, resource: str) -> dict[str, Any]:
        """As https://learn.microsoft.com/azure/app-service/overview-managed-identity has it."""
        if request.headers.get("x-identity-header") != IDENTITY_HEADER:
            raise HTTPException(401, "X-IDENTITY-HEADER")
        return {
            "access_token": self._signed(TENANT, resource),
            "expires_on": str(int(time.time()) + self.lifetime),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _signed(self, tenant: str, audience: str) -> str:
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": f"{self._base}/{tenant}/v2.0",
            "tid": tenant,
            "appid": CLIENT,
            "iat": now,
            "exp": now + self.lifetime,
        }
        self.tokens_given += 1
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)
