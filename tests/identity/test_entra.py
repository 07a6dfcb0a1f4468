"""Tokens of Entra ID, signed by an issuer of our own: good ones count, all others are refused."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.identity.issuer import CLIENT, Issuer, issuing
from tests.served import Json, Served, served

GRANTS = {
    "reader": {"*": "reader"},
    "operator": {"*": "operator"},
    "Vision.Operator": {"vision": "operator"},
    "a-group": {"vision": "registrar", "nlp": "reader"},
}


@pytest.fixture(scope="module")
def issuer_and_service(
    tmp_path_factory: pytest.TempPathFactory, scripts: Path
) -> Iterator[tuple[Issuer, Served]]:
    """A service that accepts the tokens of an issuer."""
    folder = tmp_path_factory.mktemp("entra")
    with issuing(folder / "issuer") as (issuer, environment):
        environment["SWEEPFRONT_ENTRA_GRANTS"] = json.dumps(GRANTS)
        with served(folder / "data", code_root=scripts, environment=environment) as service:
            yield issuer, service


@pytest.fixture
def issuer(issuer_and_service: tuple[Issuer, Served]) -> Issuer:
    """The issuer."""
    return issuer_and_service[0]


@pytest.fixture
def service(issuer_and_service: tuple[Issuer, Served]) -> Served:
    """The service."""
    return issuer_and_service[1]


def me(service: Served, token: str) -> httpx.Response:
    """Ask the service who calls."""
    return service.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


def test_app_roles_and_groups_become_roles(issuer: Issuer, service: Served) -> None:
    """App roles and groups become roles."""
    assert me(service, issuer.token()).json() == {
        "name": "ann@example.com",
        "kind": "entra",
        "grants": {"*": "operator"},
    }
    both = issuer.token(roles=["Vision.Operator"], groups=["a-group", "another"])
    assert me(service, both).json()["grants"] == {"vision": "registrar", "nlp": "reader"}
    application = issuer.token(preferred_username=None, azp="an-app", roles=["reader"])
    assert me(service, application).json()["name"] == "app:an-app"


def test_a_role_is_needed(issuer: Issuer, service: Served) -> None:
    """A role is needed."""
    refused: list[Json] = [{"roles": None}, {"roles": ["unknown"]}, {"roles": []}]
    for claims in refused:
        answer = me(service, issuer.token(**claims))
        assert answer.status_code == httpx.codes.FORBIDDEN, claims
        assert "assign one of the app roles" in answer.json()["detail"]


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-service"},
        {"aud": f"api://{CLIENT}"},
        {"aud": None},
        {"iss": "https://login.example/another/v2.0"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 4_000_000_000, "exp": 4_000_003_600},
        {"sub": None},
        {"roles": "operator"},
        {"kid": "two"},
    ],
    ids=str,
)
def test_a_token_for_somebody_or_some_time_else_is_refused(
    issuer: Issuer, service: Served, claims: dict[str, Any]
) -> None:
    """A token for somebody or some time else is refused."""
    answer = me(service, issuer.token(**claims))
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert me(service, issuer.token()).status_code == httpx.codes.OK


def test_a_token_that_is_not_signed_by_the_tenant_is_refused(
    issuer: Issuer, service: Served
) -> None:
    """A token that is not signed by the tenant is refused."""
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = issuer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    good = issuer.token()
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    raised = base64.urlsafe_b64encode(json.dumps({**claims, "roles": ["a"]}).encode()).decode()
    forged = [
        issuer.token(key=stranger),
        jwt.encode(claims, "", algorithm="none", headers={"kid": "one"}),
        issuer.token(algorithm="RS512"),
        hmac_token(claims, public),
        f"{head}.{raised.rstrip('=')}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        "a.b.c",
        good + "x",
    ]
    for token in forged:
        assert me(service, token).status_code == httpx.codes.UNAUTHORIZED, token
    assert me(service, good).status_code == httpx.codes.OK


def hmac_token(claims: dict[str, Any], secret: bytes) -> str:
    """A token whose signature was made with the public key as if it were a shared secret."""

    def encoded(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).decode().rstrip("=")

    head = encoded(json.dumps({"alg": "HS256", "kid": "one", "typ": "JWT"}).encode())
    text = f"{head}.{encoded(json.dumps(claims).encode())}"
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def test_tokens_are_not_logged(issuer: Issuer, service: Served) -> None:
    """Tokens are not logged."""
    good = issuer.token()
    me(service, good)
    me(service, good + "broken")
    me(service, "a" + good)
    assert good.split(".")[2][:20] not in service.log()
    assert good.split(".")[1][:20] not in service.log()


def test_people_sign_in_to_the_pages(issuer: Issuer, service: Served) -> None:
    """People sign in to the pages."""
    issuer.person = {"preferred_username": "bob@example.com", "roles": ["reader"]}
    with browser_like(service) as browser:
        page = browser.get("/dashboard/models")
        assert page.headers["location"].endswith("/sign-in/?next=/dashboard/models")
        form = browser.get("/sign-in/?next=/dashboard/models")
        assert "/sign-in/entra?next=%2Fdashboard%2Fmodels" in form.text
        away = browser.get("/sign-in/entra?next=%2Fdashboard%2Fmodels")
        assert away.headers["location"].startswith(f"{issuer.address}/")
        back = httpx.get(away.headers["location"], verify=False)  # noqa: S501 - the tests' own issuer
        home = browser.get(back.headers["location"])
        assert home.headers["location"] == "/dashboard/models"
        assert browser.get("/v1/me").json()["name"] == "bob@example.com"
        again = browser.get(back.headers["location"])
        assert again.status_code == httpx.codes.UNAUTHORIZED, "a code counts once"
        assert browser.post("/v1/sweeps", json={}).status_code == httpx.codes.UNAUTHORIZED
    with browser_like(service) as other:
        stolen = other.get(back.headers["location"])
        assert stolen.status_code == httpx.codes.UNAUTHORIZED, "another browser did not begin it"


def test_a_sign_in_without_a_role_says_so(issuer: Issuer, service: Served) -> None:
    """A sign in without a role says so."""
    issuer.person = {"preferred_username": "eve@example.com"}
    with browser_like(service) as browser:
        away = browser.get("/sign-in/entra")
        back = httpx.get(away.headers["location"], verify=False)  # noqa: S501 - the tests' own issuer
        refused = browser.get(back.headers["location"])
        assert "has no role here" in refused.text
        assert browser.get("/v1/me").status_code == httpx.codes.UNAUTHORIZED


def browser_like(service: Served) -> httpx.Client:
    """A client that keeps cookies and looks at each redirection."""
    return httpx.Client(base_url=service.client.base_url, timeout=30)


def test_the_description_says_how_to_sign_in(issuer: Issuer, service: Served) -> None:
    """The description says how to sign in."""
    schema = service.client.get("/openapi.json").json()
    schemes = schema["components"]["securitySchemes"]
    assert set(schemes) == {"API key", "Bearer", "Microsoft Entra ID"}
    flow = schemes["Microsoft Entra ID"]["flows"]["authorizationCode"]
    assert flow["tokenUrl"].startswith(issuer.address)
    assert schema["paths"]["/v1/sweeps"]["get"]["security"]
    docs = service.client.get("/docs")
    assert CLIENT in docs.text
    assert f"connect-src 'self' {issuer.address}" in docs.headers["Content-Security-Policy"]
    assert service.client.get("/docs/oauth2-redirect").status_code == httpx.codes.OK


@pytest.mark.slow
def test_without_entra_id_tokens_cannot_be_checked(tmp_path: Path, scripts: Path) -> None:
    """Without entra id tokens cannot be checked."""
    with issuing(tmp_path / "issuer") as (issuer, environment):
        pass
    with served(tmp_path / "data", code_root=scripts, environment=environment) as service:
        answer = me(service, issuer.token())
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert answer.json()["type"] == "/v1/problems/identity-away"
        assert int(answer.headers["Retry-After"]) >= 1
        began = time.monotonic()
        assert me(service, issuer.token()).status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert time.monotonic() - began < 1.0, "it is not asked again at once"
