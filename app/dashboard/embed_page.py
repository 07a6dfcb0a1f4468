"""/embed/{sweep}/{view}: one chart with nothing around it, for a frame on another page."""

from fastapi import FastAPI, Request
from nicegui import app as pages
from nicegui import ui
from starlette.types import Receive, Scope, Send

from app.dashboard.drawing import TITLES, Wanted, draw
from app.dashboard.frame import ask, parts
from app.dashboard.live import on_change
from app.services.embed import check
from app.store import events, sweeps
from app.sweep.errors import SweepfrontError
from app.views.shape import ViewName

PATH = "/embed"
_FORBIDDEN = 403


async def show(
    request: Request, sweep: str, view: ViewName, token: str = "", log: str = "", by: str = ""
) -> None:
    """The chart, as long as the token is good."""
    state = parts(request)
    ui.page_title(f"{sweep}: {TITLES[view]} - Sweepfront")
    try:
        await ask(check, state.db, token, sweep)
        newest = await ask(events.newest, state.db, sweep)
        record = await ask(sweeps.get, state.db, sweep)
        names = list(record.document["search_space"])  # type: ignore[call-overload]  # JSON
        wanted = Wanted(log=bool(log), by=by if by in names else names[0])
        options = await ask(draw, state, record, view, wanted)
    except SweepfrontError as error:
        ui.context.client.status_code = _FORBIDDEN
        ui.label(error.message).props('role="alert"').style("padding: 16px")
        return
    with ui.element("main").style("width: 100vw; height: 100vh; padding: 6px"):
        chart = ui.echart(options).style("width: 100%; height: 100%")
        chart.props(f'role="img" aria-label="{TITLES[view]} of {sweep}"')

    async def redraw(_: set[str]) -> None:
        now = await ask(sweeps.get, state.db, sweep)
        chart.options.clear()
        chart.options.update(await ask(draw, state, now, view, wanted))
        chart.update()

    on_change(request, sweep, redraw, since=newest)


def add_embed(app: FastAPI, mounted: str) -> None:
    """Answer below /embed what the pages, which are mounted elsewhere, have below embed."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        prefix = scope["root_path"].removesuffix(PATH)
        moved = {
            "root_path": prefix + mounted,
            "path": f"{prefix}{mounted}{scope['path'].removeprefix(prefix)}",
        }
        await pages({**scope, **moved}, receive, send)

    app.mount(PATH, inner)
