"""Secrets that sign messages."""

import base64

import pytest

from app.webhooks.messages import is_secret, new_secret


def test_a_new_secret_is_one() -> None:
    """And each is another."""
    assert is_secret(new_secret())
    assert len({new_secret() for _ in range(10)}) == 10


@pytest.mark.parametrize(
    ("secret", "usable"),
    [
        ("whsec_" + base64.b64encode(b"x" * 24).decode(), True),
        ("whsec_" + base64.b64encode(b"x" * 64).decode(), True),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), False),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), False),
        (base64.b64encode(b"x" * 32).decode(), False),
        ("whsec_" + "x" * 31, False),
        ("whsec_ä" + "x" * 43, False),
        ("whsec_", False),
        ("", False),
    ],
)
def test_what_is_a_secret(secret: str, *, usable: bool) -> None:
    """whsec_ and 24 to 64 bytes in base64, as the standard wants it."""
    assert is_secret(secret) is usable
