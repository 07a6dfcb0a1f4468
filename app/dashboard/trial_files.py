"""What a trial printed and left behind, as its backend has it: loaded late, told when it cannot be."""

from collections.abc import Callable
from html import escape
from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from app.backends.base import Artifact, LogStream, backend_of
from app.dashboard import formats
from app.dashboard.frame import api_root, ask, heading, parts
from app.dashboard.markup import link, table
from app.sweep.document import BackendName
from app.sweep.errors import SweepfrontError

_LINES = 400
_FOLLOW_SECONDS = 1.0
_REMOTE_FOLLOW_SECONDS = 10.0
_AT_END = "const log = getHtmlElement(%d); if (log.dataset.left !== '1') log.scrollTop = log.scrollHeight;"
_LEFT = (
    "(event) => { const log = event.currentTarget;"
    " log.dataset.left = log.scrollHeight - log.scrollTop - log.clientHeight > 40 ? '1' : '0'; }"
)


class TrialFiles:
    """The log and the artifacts of one trial."""

    def __init__(self, request: Request, backend: BackendName, name: str, number: int) -> None:
        """Lay both cards out; `load` fills them."""
        self._parts = parts(request)
        self._backend, self._name, self._number = backend, name, number
        self._calls = f"{api_root(request)}/v1/sweeps/{name}/trials/{number}"
        self._stream: LogStream = "stdout"
        self._text = ""
        with ui.element("section").classes("sf-card"):
            with ui.element("div").classes("sf-row"):
                heading("Log")
                ui.element("div").classes("sf-space")
                which = ui.toggle(["stdout", "stderr"], value="stdout").props("no-caps dense")
                which.props('aria-label="Which stream"').on_value_change(self._switch)
                with ui.element("a").props(f'href="{self._calls}/logs" download') as self._whole:
                    ui.label("Download")
            self._log = ui.label().classes("sf-log")
            self._log.props('role="log" tabindex="0" aria-label="Log"').on(
                "scroll", js_handler=_LEFT
            )
        with ui.element("section").classes("sf-card"):
            heading("Artifacts")
            self._artifacts = ui.html("loading", sanitize=False).classes("sf-scroll")

    async def load(self) -> None:
        """Ask the backend for both."""
        await self._read_log()
        try:
            found = await ask(self._list)
        except SweepfrontError as error:
            self._artifacts.set_content(escape(error.message))
        else:
            self._artifacts.set_content(self._table(found))

    def follow(self, ended: Callable[[], bool]) -> None:
        """Read the log again and again until the trial has ended."""
        if ended():
            return

        async def again() -> None:
            if ended():
                timer.deactivate()
                await self.load()
            else:
                await self._read_log()

        backend = self._parts.backends.get(self._backend)
        remote = backend is None or backend.poll_interval is not None
        timer = ui.timer(_REMOTE_FOLLOW_SECONDS if remote else _FOLLOW_SECONDS, again)

    async def _switch(self) -> None:
        self._stream = "stderr" if self._stream == "stdout" else "stdout"
        self._whole.props(f'href="{self._calls}/logs?stream={self._stream}"')
        await self._read_log()

    async def _read_log(self) -> None:
        try:
            text = await ask(self._tail)
        except SweepfrontError as error:
            text = error.message
        if text != self._text:
            self._text = text
            self._log.set_text(text)
            ui.run_javascript(_AT_END % self._log.id)

    def _tail(self) -> str:
        backend = backend_of(self._parts.backends, self._backend)
        data = b"".join(backend.log(self._name, self._number, self._stream, tail=_LINES))
        return data.decode(errors="replace") or "nothing yet"

    def _list(self) -> list[Artifact]:
        return backend_of(self._parts.backends, self._backend).artifacts(self._name, self._number)

    def _table(self, found: list[Artifact]) -> str:
        if not found:
            return "<p>It left nothing in ./outputs.</p>"
        rows = [
            (
                link(f"{self._calls}/artifacts/{quote(each.path)}", each.path, download=True),
                escape(formats.size(each.size)),
                escape(formats.age(each.modified_at)),
            )
            for each in found
        ]
        return table("Artifacts", ("File", "Size", "Written"), rows)
