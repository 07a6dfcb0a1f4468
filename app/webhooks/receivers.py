"""Who may be sent to: public addresses over TLS, and what the settings allow beside them."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address

import httpx

from app.addresses import Reach, RefusedError

MAX_URL = 2000
"""Characters of the longest address."""
_LAST_PORT = 65_535
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?")
_SETTING = "SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS"


class Receivers:
    """What one service's settings allow."""

    def __init__(self, allowed: Iterable[str] = (), *, http: bool = False) -> None:
        """Allow what is public, and more.

        Args:
            allowed: networks (10.0.0.0/8), addresses, and names of hosts whose addresses are not
                looked at.
            http: http:// is allowed, too.
        """
        self._reach = Reach(allowed, setting=_SETTING)
        self._http = http

    def parse(self, url: str) -> httpx.URL:
        """An address that may be sent to as far as it says itself.

        Raises:
            RefusedError: it is none, or not of the allowed kind.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise RefusedError(f"this is no URL: {error}") from error
        if len(url) > MAX_URL:
            raise RefusedError(f"give a URL of at most {MAX_URL} characters")
        if parsed.scheme not in ("https", "http") or not _is_host(name_of(parsed)):
            raise RefusedError("give a whole URL, such as https://hooks.example.com/sweeps")
        if parsed.scheme == "http" and not self._http:
            raise RefusedError("use https; SWEEPFRONT_WEBHOOK_ALLOW_HTTP=true allows http, too")
        if parsed.port is not None and not 0 < parsed.port <= _LAST_PORT:
            raise RefusedError("give a port from 1 to 65535")
        if parsed.userinfo:
            raise RefusedError("put no name or password into the URL; messages are signed")
        return parsed

    def permitted(self, url: httpx.URL, addresses: Sequence[str]) -> list[str]:
        """Those addresses of the URL's host that may be connected to.

        Raises:
            RefusedError: none of them may.
        """
        return self._reach.permitted(name_of(url), addresses)


def name_of(url: httpx.URL) -> str:
    """The host as certificates name it: punycode, without a dot at the end."""
    return url.raw_host.decode("ascii").rstrip(".").lower()


def _is_host(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text))
    return _HOST_NAME.fullmatch(text) is not None
