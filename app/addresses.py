"""Where the service may connect to for somebody: public addresses, and what settings allow beside.

Whoever may name a URL could otherwise have the service call whatever its machine can reach. A name
is looked up once and the connection made to an address that was permitted, so that a name that
leads elsewhere a moment later changes nothing.
"""

import socket
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network
_TRANSLATED = ip_network("64:ff9b::/96")
# What Python does not count as private: the platforms of Azure and Oracle, translation within a site.
_NOT_PUBLIC = [ip_network(text) for text in ("168.63.129.16", "192.0.0.0/24", "64:ff9b:1::/48")]


class RefusedError(Exception):
    """Nothing may be sent there; the text says why, and what to do."""


class NoAddressError(RefusedError):
    """The name has no address, now."""


class Reach:
    """The addresses that one setting permits."""

    def __init__(self, allowed: Iterable[str], *, setting: str) -> None:
        """Permit what is public, and more.

        Args:
            allowed: networks (10.0.0.0/8), addresses, and names of hosts whose addresses are not
                looked at.
            setting: the variable that says so, for messages.
        """
        self._networks: list[_Network] = []
        self._hosts: set[str] = set()
        self._setting = setting
        for entry in allowed:
            try:
                self._networks.append(ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.lower())

    def permitted(self, host: str, addresses: Sequence[str]) -> list[str]:
        """Those addresses of a host that may be connected to.

        Args:
            host: as certificates name it, in small letters.
            addresses: that its name leads to.

        Raises:
            RefusedError: none of them may.
        """
        if host in self._hosts:
            return list(addresses)
        found = [address for address in addresses if self._permits(address)]
        if not found:
            raise RefusedError(
                f"{host} has the address {', '.join(addresses)}, which is not public; "
                f"{self._setting} can allow it"
            )
        return found

    def _permits(self, text: str) -> bool:
        address = ip_address(text)
        within = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
        return is_public(address) or any(within in network for network in self._networks)


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


def lookup(host: str, port: int | None = None) -> "Future[list[str]]":
    """The addresses of a host, as soon as they are known.

    The future has a NoAddressError when there are none. The thread that asks can be left behind:
    the system's resolver waits for as long as it likes.
    """
    future: Future[list[str]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)
            # What needs the name of an interface is local.
            addresses = [str(entry[4][0]) for entry in found if "%" not in str(entry[4][0])]
            future.set_result(list(dict.fromkeys(addresses)))
        except (OSError, ValueError) as error:
            future.set_exception(NoAddressError(f"{host} has no address: {error}"))

    threading.Thread(target=ask, name="address-lookup", daemon=True).start()
    return future
