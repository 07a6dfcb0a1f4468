"""Request ids: the caller's X-Request-ID if it is a proper one, else ours; in every answer."""

import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.watching.logs import from_now_on

HEADER = "X-Request-ID"
SWEEPS = "/v1/sweeps"
_PROPER = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")


class RequestIds:
    """ASGI middleware; the id is in `request.state.request_id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(HEADER.lower().encode(), b"")
        request_id = given.decode() if _PROPER.match(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        from_now_on(request_id=request_id)

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[HEADER] = request_id
                if sweep := _sweep(scope, headers):
                    from_now_on(sweep=sweep)
            await send(message)

        await self._app(scope, receive, tagged)


def _sweep(scope: Scope, headers: MutableHeaders) -> str | None:
    """The sweep that the request was about: named in the path, or made by it."""
    path: str = scope["path"]
    if f"{SWEEPS}/" in path:
        name: str | None = scope.get("path_params", {}).get("name")
        return name
    made = headers.get("Location", "") if path.endswith(SWEEPS) else ""
    return made.rpartition(f"{SWEEPS}/")[2] or None
