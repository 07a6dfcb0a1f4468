"""Connections for downloads: to addresses that were looked at, at every hop of a redirect."""

from concurrent.futures import CancelledError
from types import TracebackType
from typing import Self

import httpx

from app.addresses import NoAddressError, Reach, lookup

_LOOKUP_SECONDS = 10.0
_ADDRESSES = 3
"""How many addresses of a name are tried."""


class Pinned(httpx.BaseTransport):
    """Looks each request's host up, and connects to an address of it that is permitted.

    The certificate is checked against the name. Proxies of the environment are not used: they would
    connect to where they like.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._lines = httpx.HTTPTransport()

    def __enter__(self) -> Self:
        self._lines.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._lines.__exit__(exc_type, exc_value, traceback)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to the first permitted address that answers.

        Raises:
            RefusedError: its host has addresses, and none that is permitted.
            httpx.TransportError: there is no answer now.
        """
        host = request.url.raw_host.decode("ascii").rstrip(".").lower()
        addresses = self._reach.permitted(host, _found(host, request))[:_ADDRESSES]
        while True:
            try:
                return self._lines.handle_request(_to(addresses[0], host, request))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                del addresses[0]
                if not addresses:
                    raise


def _found(host: str, request: httpx.Request) -> list[str]:
    try:
        return lookup(host, request.url.port).result(timeout=_LOOKUP_SECONDS)
    except NoAddressError as error:
        raise httpx.ConnectError(str(error), request=request) from error
    except (TimeoutError, CancelledError) as error:
        reason = f"the name {host} is not resolved within {_LOOKUP_SECONDS:g} s"
        raise httpx.ConnectTimeout(reason, request=request) from error


def _to(address: str, host: str, request: httpx.Request) -> httpx.Request:
    """The same request to an address; its Host header and the name of the certificate stay."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
