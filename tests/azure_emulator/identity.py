"""Signing in: an OAuth authority that gives out signed tokens, and the check of those tokens."""

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
_ALGORITHM = "RS256"


class Authority:
    """One tenant with one application."""

    def __init__(self, base: str, certificate: Path) -> None:
        """Make the authority.

        Args:
            base: its address.
            certificate: the application's, with which it may sign in instead of its secret.
        """
        self._base = base
        self._certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.lifetime = 3600
        self.tokens_given = 0
        self.router = APIRouter()
        add = self.router.add_api_route
        add("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration)
        add("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"])

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
        """A secret, or an assertion signed with the key of the application's certificate."""
        if "client_assertion" not in form:
            return form.get("client_secret") == SECRET
        try:
            claims = jwt.decode(
                form["client_assertion"],
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
        now = int(time.time())
        claims = {
            "aud": form.get("scope", "").removesuffix("/.default"),
            "iss": f"{self._base}/{tenant}/v2.0",
            "tid": tenant,
            "appid": CLIENT,
            "iat": now,
            "exp": now + self.lifetime,
        }
        self.tokens_given += 1
        token = jwt.encode(claims, self._key, algorithm=_ALGORITHM)
        return {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token}
