"""/embed/{sweep}/{view}: one chart with nothing around it, for a frame on another page."""

from http import HTTPStatus

from fastapi import Request
from nicegui import ui

from app.dashboard.charts.look import Options
from app.dashboard.drawing import Wanted, draw, names_of
from app.dashboard.frame import ask, parts
from app.dashboard.live import on_change
from app.services.embed import check
from app.store import events, sweeps
from app.sweep.errors import NotFoundError, SweepfrontError
from app.views.shape import VIEWS, ViewName

_KINDS: dict[str, ViewName] = {name: name for name in VIEWS}


async def show(
    request: Request, sweep: str, view: str, token: str = "", log: str = "", by: str = ""
) -> None:
    """The chart, as long as the token is good."""
    state = parts(request)
    kind = _KINDS.get(view)

    def drawn() -> Options:
        check(state.db, token, sweep)
        if kind is None:
            raise NotFoundError(
                f"There is no view named {view!r}; choose among: {', '.join(_KINDS)}."
            )
        record = sweeps.get(state.db, sweep)
        names = names_of(record)
        wanted = Wanted(log=bool(log), by=by if by in names else names[0])
        return draw(state, record, kind, wanted)

    async def redraw(_: set[str]) -> None:
        try:
            options = await ask(drawn)
        except SweepfrontError as error:
            _refuse(error)
            return
        chart.options.clear()
        chart.options.update(options)
        chart.update()

    ui.page_title(f"{sweep} - Sweepfront")
    newest = await ask(events.newest, state.db, sweep)
    try:
        options = await ask(drawn)
    except SweepfrontError as error:
        missing = isinstance(error, NotFoundError)
        ui.context.client.status_code = HTTPStatus.NOT_FOUND if missing else HTTPStatus.FORBIDDEN
        _refuse(error)
        return
    with ui.element("main").style("width: 100vw; height: 100vh; padding: 6px"):
        chart = ui.echart(options).style("width: 100%; height: 100%").props('role="img"')
    on_change(request, sweep, redraw, since=newest)


def _refuse(error: SweepfrontError) -> None:
    """Say why there is no chart (any more)."""
    with ui.context.client.content as content:
        content.clear()
        ui.label(error.message).props('role="alert"').style("padding: 16px")
