"""What is answered in place of the pages by a service of several processes."""

from fastapi import FastAPI, Request, Response

from app.api.problems import problem
from app.parts import DASHBOARD, EMBED

_WORDS = (
    "This service answers by several processes (--workers), and a page lives in one. The API and /docs "
    "are here; for the pages start another service beside it on the same database and data folder, "
    "with a port of its own and one process: SWEEPFRONT_PORT=8001 python -m app serve"
)


def refuse_pages(app: FastAPI) -> None:
    """Answer where the pages would be with the way to have them."""
    for path in (DASHBOARD, EMBED):
        app.add_route(path, _refuse, include_in_schema=False)
        app.add_route(f"{path}/{{rest:path}}", _refuse, include_in_schema=False)


async def _refuse(request: Request) -> Response:
    return problem(request, "pages-elsewhere", _WORDS)
