"""What the settings may allow webhooks beside public addresses."""

import pytest
from pydantic import ValidationError

from app.settings import Settings


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", []),
        ("10.0.0.0/8", ["10.0.0.0/8"]),
        (" 10.1.2.3/8 ,fd00::/8,, ::1", ["10.1.2.3/8", "fd00::/8", "::1"]),
        ("Hooks.intern,node1,localhost", ["Hooks.intern", "node1", "localhost"]),
    ],
)
def test_networks_and_hosts(monkeypatch: pytest.MonkeyPatch, text: str, allowed: list[str]) -> None:
    """Separated by commas, since addresses may hold colons."""
    monkeypatch.setenv("SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS", text)
    assert Settings().webhook_allowed_networks == allowed


@pytest.mark.parametrize("text", ["10.0.0.0/33", "1.2.3", "fd00::/999", "https://x", "-x", "*"])
def test_what_is_neither(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The service does not start with it."""
    monkeypatch.setenv("SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS", text)
    with pytest.raises(ValidationError, match="neither a network nor a host"):
        Settings()
