"""Headers of everything that a browser shows: nothing from other hosts, no foreign frames."""

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.parts import EMBED

_POLICY = {
    "default-src": "'self'",
    # The page's framework compiles its templates in the browser.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


class PageHeaders:
    """ASGI middleware that adds them to every page."""

    def __init__(
        self, app: ASGIApp, *, root_path: str, framers: Iterable[str], asked: str = ""
    ) -> None:
        """Wrap `app`.

        Args:
            app: what answers.
            root_path: prefix that a proxy removes.
            framers: origins whose pages may frame those below /embed.
            asked: origin of another service that pages may ask, to sign in.
        """
        self._app = app
        self._asked = asked
        self._embed = f"{root_path.rstrip('/')}{EMBED}/"
        self._strict = self._headers("'none'") | {"X-Frame-Options": "DENY"}
        self._framed = self._headers(" ".join(["'self'", *framers]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; pages get their headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        added = self._framed if scope["path"].startswith(self._embed) else self._strict

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                if headers.get("Content-Type", "").startswith("text/html"):
                    headers.update(added)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _headers(self, framers: str) -> dict[str, str]:
        allowed = {**_POLICY, "connect-src": f"'self' {self._asked}".strip()}
        policy = "; ".join(f"{name} {value}" for name, value in allowed.items())
        return {
            "Content-Security-Policy": f"{policy}; frame-ancestors {framers}",
            "Referrer-Policy": "same-origin",
        }
