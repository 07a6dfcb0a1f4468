"""Who calls: every request is held against the doorkeeper before anything else sees it."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.callers import EVERY, Actor, Caller, Role
from app.access.settings import LOOPBACK
from app.api.origins import Origins
from app.api.problems import problem, respond
from app.identity.sessions import COOKIE
from app.parts import DASHBOARD, EMBED, State
from app.sweep.errors import SweepfrontError, UnauthenticatedError

SIGN_IN = "/sign-in"
_OPEN = frozenset({"/", "/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/openapi.json"})
_OPEN_BELOW = (
    "/swagger/",
    "/v1/problems/",
    f"{SIGN_IN}/",
    f"{EMBED}/",
    f"{DASHBOARD}/_nicegui",
)
"""What shows nobody's sweeps, or checks by itself: a link for a frame has its token, and a page's
socket the id that only the page was told."""
_SAFE = ("GET", "HEAD")
_NOBODY = Caller("nobody", "service", {})
_EMBEDDED = Caller("embedded", "service", {EVERY: Role.READER})


class Identify:
    """ASGI middleware; the actor is in `request.state.actor`."""

    def __init__(self, app: ASGIApp, *, root_path: str, origins: Origins) -> None:
        """Wrap `app`.

        Args:
            app: what answers.
            root_path: prefix that a proxy removes.
            origins: from whose pages a browser may call.
        """
        self._app = app
        self._root = root_path.rstrip("/")
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its actor, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        path = scope["path"].removeprefix(self._root) or "/"
        refused = self._strange(connection, scope, path)
        if refused is None:
            try:
                caller = await self._caller(connection, path)
            except SweepfrontError as error:
                refused = self._refusal(scope, path, error)
            else:
                client = scope.get("client")
                scope["state"]["actor"] = Actor(
                    caller,
                    source=client[0] if client else None,
                    request_id=scope["state"].get("request_id"),
                )
                await self._app(scope, receive, send)
                return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await refused(scope, receive, send)

    async def _caller(self, connection: HTTPConnection, path: str) -> Caller:
        if path.startswith(f"{EMBED}/"):
            return _EMBEDDED
        if _is_open(path):
            return _NOBODY
        parts: State = connection.state.parts
        method = connection.scope.get("method", "GET")
        session = connection.cookies.get(COOKIE) if method in _SAFE else None
        caller = await parts.doorkeeper.caller(connection.headers, session)
        if caller is None:
            raise UnauthenticatedError(
                "Say who you are: send an API key as Authorization: Bearer KEY (or X-API-Key)"
                + (", or a token of Entra ID." if parts.doorkeeper.entra else ".")
            )
        return caller

    def _strange(self, connection: HTTPConnection, scope: Scope, path: str) -> Response | None:
        """The answer to a browser that was sent here by a page of another site."""
        if scope["type"] == "http":
            request = Request(scope)
            parts: State = connection.state.parts
            if not parts.doorkeeper.closed and not self._origins.own_name(connection.headers):
                return problem(
                    request,
                    "cross-site",
                    f"This service identifies nobody, so it is called by the names of loopback "
                    f"({', '.join(LOOPBACK)}) or those in SWEEPFRONT_ALLOWED_HOSTS only.",
                )
            changes = scope["method"] not in (*_SAFE, "OPTIONS") or "/_nicegui_ws/" in path
            if changes and not self._origins.allowed(connection.headers):
                return problem(
                    request,
                    "cross-site",
                    "A page of another site may not do this; list its origin in "
                    "SWEEPFRONT_CORS_ORIGINS if it should. Behind a proxy: let it pass the Host "
                    "header on.",
                )
            return None
        if not self._origins.allowed(connection.headers):
            return Response(status_code=HTTPStatus.FORBIDDEN)
        return None

    def _refusal(self, scope: Scope, path: str, error: SweepfrontError) -> Response:
        if scope["type"] == "websocket":
            return Response(status_code=HTTPStatus.FORBIDDEN)
        shown = scope["method"] in _SAFE and path.startswith(DASHBOARD)
        if shown and isinstance(error, UnauthenticatedError):
            wanted = path + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
            target = f"{self._root}{SIGN_IN}/?next={quote(wanted, safe='/')}"
            return RedirectResponse(target, HTTPStatus.SEE_OTHER)
        return respond(Request(scope), error)


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_BELOW)
