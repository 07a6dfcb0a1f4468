"""What every page has: title, navigation, the switch of light and dark, a place for its content."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from html import escape
from typing import Any, ParamSpec, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from nicegui import ui

from app.parts import DASHBOARD, State
from app.sweep.errors import NotFoundError

P = ParamSpec("P")
Answer = TypeVar("Answer")
Page = Callable[..., Awaitable[None]]

_NAVIGATION = (
    ("Sweeps", "/"),
    ("Compare", "/compare"),
    ("Models", "/models"),
    ("New sweep", "/new"),
)
_SWITCH = '() => sweepfrontTheme(document.body.classList.contains("body--dark") ? "light" : "dark")'


def parts(request: Request) -> State:
    """The parts of the service that answers the request, as its caller may use them."""
    state: State = request.state.parts
    return state.acting(request.state.actor)


def root(request: Request) -> str:
    """The path that all pages begin with, as the browser sees it.

    For markup, files and the address bar; `ui.link` and `ui.navigate.to` put it before their paths.
    """
    return str(request.scope["root_path"]).rstrip("/")


def api_root(request: Request) -> str:
    """The path before those of the API and of its documentation, as the browser sees it."""
    return root(request).removesuffix(DASHBOARD)


async def ask(call: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
    """What a blocking call answers, while other pages go on."""
    return await run_in_threadpool(call, *args, **kwargs)


def keep_in_address(words: Mapping[str, str]) -> None:
    """Put what was chosen into the address, beside what else is there; empty texts go."""
    ui.run_javascript(f"sweepfrontAddress({json.dumps(words)})")


@contextmanager
def frame(request: Request, title: str) -> Iterator[None]:
    """The page around its content."""
    base = root(request)
    here = request.url.path.removeprefix(base).rstrip("/") or "/"
    ui.page_title(f"{title} - Sweepfront")
    ui.query(".q-page").props('role="none"')  # Quasar's main, which holds the header as well
    header = ui.element("header").props('role="banner"')
    with header, ui.element("nav").classes("sf-bar").props('aria-label="Main"'):
        ui.link("Sweepfront", "/").classes("sf-brand")
        for words, path in _NAVIGATION:
            link = ui.link(words, path)
            if here == path:
                link.props('aria-current="page"')
        ui.element("div").classes("sf-space")
        with ui.element("a").props(f'href="{api_root(request)}/docs"'):
            ui.label("API")
        _tell_caller(request)
        switch = ui.button(icon="contrast").props("flat round dense color=white")
        switch.props('aria-label="Switch between light and dark"').on("click", js_handler=_SWITCH)
    with ui.element("main").classes("sf-page") as main:
        yield
    ui.skip_link(target=main)


def _tell_caller(request: Request) -> None:
    """Who is signed in, and the way out, where somebody has to be."""
    state = parts(request)
    if not state.doorkeeper.closed:
        return
    end = f"{api_root(request)}/sign-in/end"
    ui.label(state.caller.name).classes("sf-caller")
    with ui.element("form").props(f'method="post" action="{end}"'):
        ui.button("Sign out").props("type=submit flat dense no-caps color=white")
    hours = state.settings.session_hours
    ui.timer(hours * 3600, ui.navigate.reload, once=True, immediate=False)


def heading(text: str, level: int = 2) -> ui.html:
    """A heading; a page has one of level 1."""
    return ui.html(escape(text), tag=f"h{level}", sanitize=False)


def page(show: Page) -> Page:
    """A page that says what is missing where something is."""

    @wraps(show)
    async def shown(request: Request, **words: Any) -> None:  # noqa: ANN401 - of the address
        try:
            await show(request=request, **words)
        except NotFoundError as error:
            ui.context.client.content.clear()
            ui.context.client.status_code = 404
            with frame(request, "Not found"):
                heading("Not found", 1)
                ui.label(error.message)

    return shown
