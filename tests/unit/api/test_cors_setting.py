"""The origins whose pages may call the API, as the settings take them."""

import pytest

from app.settings import WrongSettingError, read_settings


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", []),
        (" , ", []),
        ("*", ["*"]),
        ("https://Board.example.com", ["https://board.example.com"]),
        (
            "http://localhost:3000 , http://[::1]:9000",
            ["http://localhost:3000", "http://[::1]:9000"],
        ),
    ],
)
def test_a_list_with_commas(monkeypatch: pytest.MonkeyPatch, text: str, origins: list[str]) -> None:
    """As browsers send them: in small letters, without a path."""
    monkeypatch.setenv("SWEEPFRONT_CORS_ORIGINS", text)
    assert read_settings().cors_origins == origins


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/",
        "a.example",
        "https://*.a.example",
        "https://u@a.example",
        "null",
        "ftp://a",
    ],
)
def test_what_no_browser_sends_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """It would never match; the words name setting, value and remedy."""
    monkeypatch.setenv("SWEEPFRONT_CORS_ORIGINS", f"http://localhost:3000,{text}")
    with pytest.raises(WrongSettingError) as caught:
        read_settings()
    for words in ("SWEEPFRONT_CORS_ORIGINS", repr(text), "scheme://host:port"):
        assert words in caught.value.message
