"""An issuer of tokens as Entra ID is one: its configuration, its keys, and signing in with PKCE."""

import base64
import hashlib
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

import jwt
import trustme
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Query, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, RedirectResponse

from tests.served import Json, free_port

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
SECRET = "a-secret-of-the-tests"  # noqa: S105 - of no use elsewhere


class Issuer:
    """Signs tokens with a key that it publishes.

    Attributes:
        person: the claims of whoever signs in next.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.person: Json = {"preferred_username": "ann@example.com", "roles": ["operator"]}
        self._codes: dict[str, Json] = {}
        self.app = FastAPI()
        self.app.add_middleware(
            CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
        )
        self.app.get(f"/{TENANT}/v2.0/.well-known/openid-configuration")(self._configuration)
        self.app.get(f"/{TENANT}/keys")(self._keys)
        self.app.get(f"/{TENANT}/oauth2/v2.0/authorize")(self._authorize)
        self.app.post(f"/{TENANT}/oauth2/v2.0/token")(self._token)

    @property
    def name(self) -> str:
        """The issuer, as tokens have it."""
        return f"{self.address}/{TENANT}/v2.0"

    def claims(self, **changes: Any) -> Json:  # noqa: ANN401 - a claim may be anything
        """Claims of a token that is good for an hour; None leaves one out."""
        now = int(time.time())
        known = {
            "aud": CLIENT,
            "iss": self.name,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "sub": "subject",
            "oid": "object",
            "tid": TENANT,
            "ver": "2.0",
            **self.person,
            **changes,
        }
        return {name: value for name, value in known.items() if value is not None}

    def token(
        self,
        *,
        key: rsa.RSAPrivateKey | None = None,
        algorithm: str = "RS256",
        kid: str = "one",
        **changes: Any,  # noqa: ANN401 - a claim may be anything
    ) -> str:
        """A signed token."""
        return jwt.encode(
            self.claims(**changes), key or self.key, algorithm=algorithm, headers={"kid": kid}
        )

    def _configuration(self) -> Json:
        below = f"{self.address}/{TENANT}/oauth2/v2.0"
        return {
            "issuer": self.name,
            "authorization_endpoint": f"{below}/authorize",
            "token_endpoint": f"{below}/token",
            "jwks_uri": f"{self.address}/{TENANT}/keys",
        }

    def _keys(self) -> Json:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}

    def _authorize(
        self,
        redirect_uri: str,
        code_challenge: str,
        code_challenge_method: str,
        state: str = "",
        nonce: str = "",
        client_id: Annotated[str, Query()] = "",
    ) -> RedirectResponse:
        """Whoever asks is signed in at once."""
        assert (client_id, code_challenge_method) == (CLIENT, "S256")
        code = secrets.token_urlsafe(16)
        self._codes[code] = {"challenge": code_challenge, "to": redirect_uri, "nonce": nonce}
        return RedirectResponse(f"{redirect_uri}?{urlencode({'code': code, 'state': state})}")

    async def _token(self, request: Request) -> JSONResponse:
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        kept = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        known = kept is not None and kept["challenge"] == challenge
        if not known or kept is None or kept["to"] != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant", "error_description": "no"}, 400)
        if form.get("client_secret", SECRET) != SECRET:
            return JSONResponse({"error": "invalid_client", "error_description": "no"}, 401)
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": 3600,
                "scope": form.get("scope", ""),
                "access_token": self.token(scp="user_impersonation"),
                "id_token": self.token(nonce=kept["nonce"]),
            },
        )


@contextmanager
def issuing(folder: Path) -> Iterator[tuple[Issuer, dict[str, str]]]:
    """A running issuer over TLS, and the settings of a service that trusts it."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    trusted, served_by = folder / "ca.pem", folder / "server.pem"
    authority.cert_pem.write_to_path(str(trusted))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(served_by))
    port = free_port()
    issuer = Issuer(f"https://127.0.0.1:{port}")
    config = uvicorn.Config(
        issuer.app, port=port, log_level="error", ssl_certfile=str(served_by), lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert ssl.create_default_context(cafile=str(trusted))
    try:
        yield (
            issuer,
            {
                "SWEEPFRONT_ENTRA_TENANT_ID": TENANT,
                "SWEEPFRONT_ENTRA_CLIENT_ID": CLIENT,
                "SWEEPFRONT_ENTRA_CLIENT_SECRET": SECRET,
                "SWEEPFRONT_ENTRA_AUTHORITY": issuer.address,
                "SSL_CERT_FILE": str(trusted),
                "REQUESTS_CA_BUNDLE": str(trusted),
            },
        )
    finally:
        server.should_exit = True
        thread.join(timeout=10)
