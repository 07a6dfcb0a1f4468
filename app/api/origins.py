"""Which site's page has a browser call: what a page elsewhere may not do, it is refused.

Programs that are no browsers send neither Origin nor Sec-Fetch-Site, and are not concerned.
https://www.w3.org/TR/fetch-metadata/
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from app.access.settings import LOOPBACK

_OURS = ("same-origin", "none")


class Origins:
    """From whose pages a browser may call, and under which names."""

    def __init__(self, cors: Sequence[str], hosts: Sequence[str]) -> None:
        """Describe them.

        Args:
            cors: origins of other sites that may; `*` means all.
            hosts: names of this service beside those of loopback.
        """
        self._cors = frozenset(cors)
        self._hosts = frozenset(host.lower() for host in (*LOOPBACK, *hosts))

    def allowed(self, headers: Mapping[str, str]) -> bool:
        """False when a page of another site has the browser call."""
        origin = headers.get("origin", "").lower()
        if "*" in self._cors or (origin and origin in self._cors):
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in _OURS
        return not origin or _netloc(origin) == headers.get("host", "").lower()

    def own_name(self, headers: Mapping[str, str]) -> bool:
        """False when the name that was called is another's that leads here.

        A page elsewhere can make its own name lead to this machine, and read what is answered.
        """
        try:
            name = urlsplit(f"//{headers.get('host', '')}").hostname
        except ValueError:
            return False
        return name in self._hosts


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
