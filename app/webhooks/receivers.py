"""Who may be sent to: public addresses over TLS, and what the settings allow beside them.

Whoever may add a webhook could otherwise have the service call whatever its machine can reach.
"""

import re
import socket
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import httpx

MAX_URL = 2000
"""Characters of the longest address."""
_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network
_TRANSLATED = ip_network("64:ff9b::/96")
# What Python does not count as private: the platforms of Azure and Oracle, translation within a site.
_NOT_PUBLIC = [ip_network(text) for text in ("168.63.129.16", "192.0.0.0/24", "64:ff9b:1::/48")]
_LAST_PORT = 65_535
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?")
_SETTING = "SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS"


class RefusedError(Exception):
    """Nothing may be sent there; the text says why, and what to do."""


class Receivers:
    """What one service's settings allow."""

    def __init__(self, allowed: Iterable[str] = (), *, http: bool = False) -> None:
        """Allow what is public, and more.

        Args:
            allowed: networks (10.0.0.0/8), addresses, and names of hosts whose addresses are not
                looked at.
            http: http:// is allowed, too.
        """
        self._networks: list[_Network] = []
        self._hosts: set[str] = set()
        self._http = http
        for entry in allowed:
            try:
                self._networks.append(ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.lower())

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
        if name_of(url) in self._hosts:
            return list(addresses)
        found = [address for address in addresses if self._permits(address)]
        if not found:
            raise RefusedError(
                f"{url.host} has the address {', '.join(addresses)}, which is not public; "
                f"{_SETTING} can allow it"
            )
        return found

    def _permits(self, text: str) -> bool:
        address = ip_address(text)
        within = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
        return is_public(address) or any(within in network for network in self._networks)


def name_of(url: httpx.URL) -> str:
    """The host as certificates name it: punycode, without a dot at the end."""
    return url.raw_host.decode("ascii").rstrip(".").lower()


def _is_host(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text))
    return _HOST_NAME.fullmatch(text) is not None


def is_public(address: _Address) -> bool:
    """True when it is neither private, local, of a group, reserved, nor a cloud's own.

    An address that carries another one within it (mapped, translated or tunnelled) is judged by
    that one, too.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        carried = [address.sixtofour, *(address.teredo or ())]
        if address in _TRANSLATED:
            carried = [IPv4Address(int(address) & 0xFFFF_FFFF)]
        if not all(is_public(inner) for inner in carried if inner is not None):
            return False
        if address in _TRANSLATED:
            return True
        if address.is_site_local:
            return False
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved)
        and not any(address in network for network in _NOT_PUBLIC)
    )


def lookup(url: httpx.URL) -> "Future[list[str]]":
    """The addresses of the URL's host, as soon as they are known.

    The future has a RefusedError when there are none. The thread that asks can be left behind:
    the system's resolver waits for as long as it likes.
    """
    future: Future[list[str]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name_of(url), url.port or 0, type=socket.SOCK_STREAM)
            # What needs the name of an interface is local.
            addresses = [str(entry[4][0]) for entry in found if "%" not in str(entry[4][0])]
            future.set_result(list(dict.fromkeys(addresses)))
        except (OSError, UnicodeError) as error:
            future.set_exception(RefusedError(f"{url.host} has no address: {error}"))

    threading.Thread(target=ask, name="webhook-lookup", daemon=True).start()
    return future
