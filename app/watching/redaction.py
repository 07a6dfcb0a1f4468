"""Secrets are taken out of whatever is logged or traced: by type, by name and by how they look."""

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretBytes, SecretStr

HIDDEN = "[redacted]"
_SHORTEST = 8
"""Shorter values of settings are no secrets worth the name, and stand in too many words."""
_DEEPEST = 6
_NAMES = r"(?:[\w-]*(?:secret|token|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|account[_-]?key|credential|signature)|authorization|cookie)"
_NAMED = re.compile(rf"(?i){_NAMES}s?\Z")
_LOOKS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # scheme://user:password@host, whatever the scheme; the user stays readable.
    (
        ("@",),
        re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@\"']*):[^\s/\"']+@"),
        rf"\1:{HIDDEN}@",
    ),
    (
        ("bearer", "basic"),
        re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}"),
        rf"\1 {HIDDEN}",
    ),
    (("eyj",), re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)*"), HIDDEN),
    # Our own keys: the id tells whose it is and is no secret.
    (("sf_",), re.compile(r"\b(sf_[A-Za-z0-9-]+)_[A-Za-z0-9_-]{12,}"), rf"\1_{HIDDEN}"),
    (("whse",), re.compile(r"\b(whse[ck]_)[A-Za-z0-9+/=_-]+"), rf"\1{HIDDEN}"),
    (
        ("sig=", "signature="),
        re.compile(r"(?i)\b(sig|SharedAccessSignature)=[^&;\s\"'<>]+"),
        rf"\1={HIDDEN}",
    ),
    # Single parameters of a query that sign somebody in.
    (
        ("code=", "state=", "nonce="),
        re.compile(r"((?:^|[?&])(?:code|state|nonce))=[^&\s\"'<>]+"),
        rf"\1={HIDDEN}",
    ),
    (("=",), re.compile(rf"(?i)\b({_NAMES})=[^&;\s\"'<>]+"), rf"\1={HIDDEN}"),
    (
        ('"', "'"),
        re.compile(rf"(?i)([\"']{_NAMES}[\"']\s*:\s*[\"'])[^\"']+"),
        rf"\1{HIDDEN}",
    ),
    (
        ("authorization", "cookie"),
        re.compile(r"(?i)\b(authorization|cookie)(:\s*+)(?!\[redacted\])[^\r\n]+"),
        rf"\1\2{HIDDEN}",
    ),
    (
        ("private key",),
        re.compile(
            r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            re.DOTALL,
        ),
        HIDDEN,
    ),
)
"""What a text without capitals must contain for it to be worth looking, the look, and what stays."""
_known: list[str] = []


def keep_secret(values: Iterable[object]) -> None:
    """Take these out, too, wherever they stand and however they look.

    Args:
        values: secrets as pydantic holds them, addresses with a password in them; what is
            neither is passed over.
    """
    found = {secret for value in values for secret in _secrets_of(value)}
    known = {secret for secret in found if len(secret) >= _SHORTEST}.union(_known)
    # The longest first: one may be a part of another.
    _known[:] = sorted(known, key=len, reverse=True)


def secrets_in(environment: Mapping[str, str]) -> Iterator[SecretStr]:
    """The values of variables that are secrets by their name, such as AZURE_CLIENT_SECRET."""
    return (SecretStr(value) for name, value in environment.items() if _is_secret(name))


def redact(text: str) -> str:
    """The text without the secrets in it."""
    for secret in _known:
        text = text.replace(secret, HIDDEN)
    small = text.lower()
    for signs, look, instead in _LOOKS:
        if any(sign in small for sign in signs):
            text = look.sub(instead, text)
    return text


def redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The same for every field of a line of the log, as a processor of structlog."""
    return {name: _redacted(name, value, 0) for name, value in event.items()}


def _redacted(name: str, value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, SecretStr | SecretBytes) or _is_secret(name):
        return HIDDEN
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {str(key): _redacted(str(key), each, depth + 1) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_redacted("", each, depth + 1) for each in value]
    # Anything else becomes words here, lest it be written down by other words later.
    return redact(value if isinstance(value, str) else str(value))


@lru_cache(maxsize=1000)
def _is_secret(name: str) -> bool:
    """Whether what has this name is a secret."""
    return _NAMED.match(name) is not None


def _secrets_of(value: object) -> list[str]:
    if isinstance(value, SecretStr):
        return [value.get_secret_value()]
    if isinstance(value, SecretBytes):
        return [value.get_secret_value().decode(errors="replace")]
    if isinstance(value, str) and "://" in value:
        try:
            password = urlsplit(value).password
        except ValueError:
            return []
        return [password, unquote(password)] if password else []
    return []
