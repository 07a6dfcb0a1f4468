"""The end of what a trial printed, followed while it runs unless the reader has scrolled up."""

import json

from fastapi import Request
from nicegui import ui

from app.backends.base import LogStream, backend_of
from app.dashboard.frame import api_root, ask, heading, parts
from app.dashboard.question import action
from app.services.removed import check_logs
from app.store import sweeps, trials
from app.sweep.document import BackendName
from app.sweep.errors import SweepfrontError

LINES = 400
"""Lines that are shown at most; the download has all."""
_BYTES = 128 * 1024
"""How much of the log is read for them at most, however long its lines are."""
_FOLLOW_SECONDS = 1.0
_REMOTE_FOLLOW_SECONDS = 10.0
_STREAMS: dict[str, LogStream] = {"stdout": "stdout", "stderr": "stderr"}


class TrialLog:
    """The log of one trial on one open page."""

    def __init__(self, request: Request, backend: BackendName, name: str, number: int) -> None:
        """Lay the card out; `read` fills it."""
        self._parts = parts(request)
        self._backend, self._name, self._number = backend, name, number
        self._calls = f"{api_root(request)}/v1/sweeps/{name}/trials/{number}/logs"
        self._stream: LogStream = "stdout"
        self._running = False
        with ui.element("section").classes("sf-card"):
            self._head()
            self._log = ui.element("div").classes("sf-log")
            self._log.props('role="log" aria-live="off" tabindex="0" aria-label="Log"')
            with ui.element("div").classes("sf-row"):
                self._note = ui.label("loading").classes("sf-muted")
                ui.element("div").classes("sf-space")
                self._end = action("Go on at the end", "south", lambda: None)
                self._end.classes("sf-onward")
                self._end.on("click", js_handler=f"() => sweepfrontLogEnd({self._log.id})")
        self._timer = ui.timer(self._pace(), self._again, active=False)

    async def read(self) -> None:
        """Show the end of the log as the backend has it now, or why it cannot be had."""
        stream = self._stream
        try:
            text = await ask(self._tail, stream)
        except (SweepfrontError, OSError) as error:
            words = error.message if isinstance(error, SweepfrontError) else str(error)
            self._note.set_text(f"The log cannot be read now: {words}")
            return
        if stream != self._stream:
            return  # the reader has switched meanwhile
        self._note.set_text(self._about(text))
        call = f"sweepfrontLog({self._log.id}, {self._end.id}, {json.dumps(text)}, '{stream}')"
        self._log.client.run_javascript(call)

    def follow(self, *, running: bool) -> None:
        """Read it again and again while the trial runs, and once more when it has ended."""
        if running != self._running:
            self._running = running
            self._timer.activate()

    async def _again(self) -> None:
        if not self._running:
            self._timer.deactivate()
        await self.read()

    def _head(self) -> None:
        with ui.element("div").classes("sf-row"):
            heading("Log")
            ui.element("div").classes("sf-space")
            if self._backend == "local":
                which = ui.toggle(list(_STREAMS), value=self._stream).props("no-caps dense")
                which.props('role="group" aria-label="Which stream"')
                which.on_value_change(lambda event: self._switch(event.value))
            else:
                ui.label("Azure ML keeps both streams in one.").classes("sf-muted")
            with ui.element("a") as self._whole:
                ui.label("Download")
            self._offer()

    def _offer(self) -> None:
        file = f"{self._name}-{self._number}-{self._stream}.log"
        self._whole.props(f'href="{self._calls}?stream={self._stream}" download="{file}"')
        self._whole.props(f'aria-label="Download {self._stream}"')

    async def _switch(self, stream: str) -> None:
        self._stream = _STREAMS[stream]
        self._offer()
        await self.read()

    def _pace(self) -> float:
        backend = self._parts.backends.get(self._backend)
        remote = backend is None or backend.poll_interval is not None
        return _REMOTE_FOLLOW_SECONDS if remote else _FOLLOW_SECONDS

    def _tail(self, stream: LogStream) -> str:
        backend = backend_of(self._parts.backends, self._backend)
        found = backend.log(self._name, self._number, stream, tail=LINES, within=_BYTES)
        text = b"".join(found).decode(errors="replace")
        if not text:
            db = self._parts.db
            check_logs(sweeps.get(db, self._name), trials.get(db, self._name, self._number))
        return text

    def _about(self, text: str) -> str:
        if not text:
            return "Nothing was printed" + (" yet." if self._running else ".")
        more = text.count("\n") >= LINES or len(text.encode()) >= _BYTES
        shown = "The end of the log; the download has all" if more else "The whole log"
        return f"{shown}; followed as it grows." if self._running else f"{shown}."
