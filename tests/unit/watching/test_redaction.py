"""Secrets are taken out by type, by name and by their looks; the rest of a line stays."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.watching.redaction import HIDDEN, keep_secret, redact, redact_event, secrets_in

SECRET = "Tr0ub4dor-and-3"  # noqa: S105 - nobody's
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhYmMifQ.c2lnbmF0dXJlLW9mLWl0"  # noqa: S105 - likewise

LINES = [
    (f"Authorization: Bearer {TOKEN}", TOKEN),
    (f"sent 'Authorization': 'Bearer {'a' * 40}'", "a" * 40),
    (f"token {TOKEN} has run out", TOKEN),
    (f"X-API-Key: sf_k7hq2_{'Zm9v' * 6} is unknown", "Zm9v" * 6),
    (f"cannot reach postgresql://sweepfront:{SECRET}@db.example.com:5432/records", SECRET),
    (f"postgresql+psycopg://sweepfront:{SECRET}@/records?host=/run/postgresql", SECRET),
    (f"GET https://hooks.example.com/?api_key={SECRET} 500", SECRET),
    ("https://account.blob.core.windows.net/c/b?sv=2024&sig=Zm9vYmFy%3D&se=2026", "Zm9vYmFy"),
    (
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9vYmFyYmF6cXV4==;",
        "Zm9vYmFyYmF6cXV4",
    ),
    (
        "the secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw was taken",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ),
    (f"/auth/callback?code={SECRET}&state=xyz", SECRET),
    ('{"client_secret": "' + SECRET + '", "grant_type": "x"}', SECRET),
    (f"Cookie: session={SECRET}; other=1", SECRET),
    (
        f"-----BEGIN PRIVATE KEY-----\n{'QUJD' * 16}\n-----END PRIVATE KEY-----",
        "QUJD" * 16,
    ),
]


@pytest.mark.parametrize(("line", "secret"), LINES, ids=[line[:24] for line, _ in LINES])
def test_secrets_are_known_by_their_looks(line: str, secret: str) -> None:
    """Alone, amid words, and when what was redacted is redacted again."""
    for text in (line, f"before\n{line}\nafter", f"({line})"):
        clean = redact(text)
        assert secret not in clean
        assert HIDDEN in clean
        assert redact(clean) == clean
    assert redact(f"before\n{line}\nafter").startswith("before\n")


@pytest.mark.parametrize(
    "line",
    [
        "sweep sweep-aae85813c0: the engine answers; next look in 4 s",
        "GET /v1/sweeps/sweep-1/trials?after=3&limit=50 200",
        "exit code=1; state=RUNNING; the token was refused by Azure",
        "http://127.0.0.1:8000/v1/sweeps and user@example.com",
        "sig = 3, tokens: 5, sf_small",
        "trial failed: KeyError: 'password'",
    ],
)
def test_other_words_stay(line: str) -> None:
    """What only looks a little like a secret is none."""
    assert redact(line) == line


def test_fields_are_redacted_by_type_and_name() -> None:
    """In whatever they are nested; what is neither text nor number becomes text first."""

    class Holder:
        def __repr__(self) -> str:
            return f"Holder(password={SECRET})"

    event = {
        "event": "configured",
        "given": SecretStr(SECRET),
        "client_secret": SECRET,
        "headers": {"Authorization": SECRET, "Accept": "text/html", "more": [{"api_key": SECRET}]},
        "holder": Holder(),
        "names": ("a", f"https://u:{SECRET}@h/"),
        "port": 8000,
        "trial": None,
    }
    clean = redact_event(None, "info", dict(event))
    assert SECRET not in repr(clean)
    assert clean["event"] == "configured"
    assert clean["headers"]["Accept"] == "text/html"
    assert (clean["port"], clean["trial"]) == (8000, None)


def test_what_is_known_to_be_secret_is_found_anywhere() -> None:
    """The settings' own secrets, however they look: in the middle of a word, percent-encoded."""
    keep_secret([SecretStr("plain-words-1"), "postgresql://u:p%40ss-word-2@h/d", "sqlite:///x", 7])
    keep_secret(secrets_in({"AZURE_CLIENT_SECRET": "plain-words-3", "HOME": "/home/somebody"}))
    text = "xplain-words-1x p%40ss-word-2 p@ss-word-2 plain-words-3 /home/somebody"
    assert redact(text) == f"x{HIDDEN}x {HIDDEN} {HIDDEN} {HIDDEN} /home/somebody"


@given(
    st.text(alphabet=string.ascii_letters + string.digits + "_-", min_size=16, max_size=64),
    st.text(alphabet=string.ascii_letters + " .,;:'\"(){}\n", max_size=40),
    st.text(alphabet=" .,;)'\"\n", min_size=1, max_size=1),
    st.sampled_from(["Bearer {}", "sf_a1b2_{}", "whsec_{}", "https://u:{}@host/", "?sig={}"]),
)
def test_no_surrounding_lets_a_secret_through(
    secret: str, before: str, mark: str, form: str
) -> None:
    """Whatever stands before it."""
    assert secret not in redact(f"{before}{mark}{form.format(secret)}{mark}").replace(before, "")
