"""CORS: pages of the origins in the settings may call /v1 from a browser."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_PREFIX = "/v1/"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SENT = (
    "Authorization",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Range",
    "X-Request-ID",
)
_READ = ("Content-Disposition", "ETag", "Location", "Retry-After", "X-Request-ID")


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins read the answers of /v1; "*": all pages."""
    build = app.build_middleware_stack

    def outermost() -> ASGIApp:
        # Around all else, since the answer to a fault is made outside of an app's own middleware.
        return _CrossOrigin(build(), origins)

    app.build_middleware_stack = outermost  # type: ignore[method-assign]  # nothing else is outermost


class _CrossOrigin:
    """Starlette's CORS for the API alone; the pages are for this origin."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._api = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_READ,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with or without CORS."""
        path = str(scope.get("path", "")).removeprefix(scope.get("root_path", "").rstrip("/"))
        app = self._api if path.startswith(_PREFIX) else self._app
        await app(scope, receive, send)
