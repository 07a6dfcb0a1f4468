"""/dashboard/new: a document is written, judged while it is, and submitted."""

import asyncio
from collections.abc import Sequence
from html import escape
from typing import Annotated

from fastapi import Query, Request
from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from app.dashboard.document_editor import DocumentEditor
from app.dashboard.frame import ask, frame, heading, page, parts, root
from app.dashboard.judging import Fault, Foreseen, faults_of, judged, read
from app.dashboard.preview_card import PreviewCard
from app.dashboard.submitting import submitted
from app.store import sweeps
from app.sweep.body import to_yaml
from app.sweep.document import SweepDocument
from app.sweep.errors import SweepfrontError
from app.sweep.examples import EXAMPLES, SEED

_QUIET_SECONDS = 0.4
"""Whoever writes pauses so long before the document is judged."""


@page
async def show(request: Request, origin: Annotated[str, Query(alias="from")] = "") -> None:
    """The editor; `?from=NAME` begins with that sweep's document."""
    with frame(request, "New sweep"):
        await NewSweep(request, origin).build()


class NewSweep:
    """The editor of one open page, with what would come of its text beside it."""

    def __init__(self, request: Request, origin: str) -> None:
        """Begin with the document of the sweep `origin`, or with the example if that is empty."""
        self._request = request
        self._parts = parts(request)
        self._origin = origin
        self._turn = 0
        self._judging = asyncio.Lock()
        self._submitting = False

    async def build(self) -> None:
        """Lay the page out; a draft and the first judgement follow once it is shown."""
        self._text = to_yaml(SEED)
        if self._origin:
            record = await ask(sweeps.get, self._parts.db, self._origin)
            self._text = to_yaml(SweepDocument.stored(record.document).as_written())
        heading("New sweep", 1)
        if self._origin:
            with ui.element("div").classes("sf-row"):
                ui.label("Begun with the document of")
                ui.link(self._origin, f"/sweeps/{self._origin}")
        with ui.element("div").classes("sf-new"):
            with ui.element("section").classes("sf-card").props('aria-label="Document"'):
                controls = ui.element("div").classes("sf-row")
                self._editor = DocumentEditor(
                    self._text,
                    origin=self._origin,
                    limit=self._parts.settings.max_body_bytes,
                    changed=self._changed,
                )
                with controls:
                    self._controls()
                with ui.element("div").classes("sf-row"):
                    self._button = ui.button("Submit", on_click=self._submit).props("no-caps")
                    self._button.disable()
                    self._state = ui.label("Judging the document").props('role="status"')
            with ui.element("div").classes("sf-column"):
                with ui.element("section").classes("sf-card").props('aria-label="Faults"') as card:
                    heading("Faults")
                    self._list = ui.element("ul").classes("sf-faults")
                self._faults = card
                self._faults.set_visibility(False)
                self._preview = PreviewCard()
        ui.timer(0.05, self._begin, once=True)

    def _controls(self) -> None:
        options = {key: example["summary"] for key, example in EXAMPLES.items()}
        self._template = ui.select(options, label="Template").props("outlined dense")
        self._template.style("min-width: 240px").on_value_change(self._take_template)
        button = ui.button("Open a file", icon="upload_file").props("no-caps outline")
        button.on("click", js_handler=self._editor.opening_a_file())
        self._discard = ui.button("Discard the draft", on_click=self._begin_anew)
        self._discard.props("no-caps flat").set_visibility(False)
        ui.element("div").classes("sf-space")
        api = root(self._request).removesuffix("/dashboard")
        with ui.element("a").props(f'href="{escape(api)}/v1/schema/sweep.json"'):
            ui.label("JSON Schema")

    async def _begin(self) -> None:
        if await self._editor.begin():
            self._discard.set_visibility(True)
            ui.notify("Your draft is back.")
        await self._judge()

    def _begin_anew(self) -> None:
        self._editor.replace(self._text)
        self._discard.set_visibility(False)

    def _take_template(self, event: ValueChangeEventArguments[str | None]) -> None:
        if event.value is not None:
            self._editor.replace(to_yaml(EXAMPLES[event.value]["value"]))
            self._template.set_value(None)  # the same one may be taken again

    async def _changed(self) -> None:
        self._turn += 1
        turn = self._turn
        await asyncio.sleep(_QUIET_SECONDS)
        if turn == self._turn:
            await self._judge()

    async def _judge(self) -> None:
        turn = self._turn
        async with self._judging:
            if turn != self._turn:
                return
            text = self._editor.text
            try:
                foreseen = await ask(judged, self._parts, text)
            except SweepfrontError as error:
                if turn == self._turn:
                    self._refuse(faults_of(error, text))
            else:
                if turn == self._turn:
                    self._foresee(foreseen)

    def _foresee(self, foreseen: Foreseen) -> None:
        document = foreseen.preview.document
        self._preview.show(foreseen)
        self._list_faults([])
        name = f" as {document.name}" if document.name else " and is given a name"
        self._state.set_text(f"No faults. It goes to the backend {document.backend}{name}.")
        self._button.set_enabled(not self._submitting)

    def _refuse(self, faults: Sequence[Fault]) -> None:
        self._list_faults(faults)
        self._preview.outdate()
        self._state.set_text(f"{len(faults)} fault{'s' if len(faults) != 1 else ''}.")
        self._button.disable()

    def _list_faults(self, faults: Sequence[Fault]) -> None:
        self._faults.set_visibility(bool(faults))
        self._editor.mark(fault.line for fault in faults if fault.line)
        self._list.clear()
        with self._list:
            for fault in faults:
                with ui.element("li"), ui.element("button").props('type="button"') as button:
                    if fault.line is not None:
                        button.on("click", js_handler=self._editor.going_to(fault.line))
                    ui.html(_said(fault), sanitize=False)

    async def _submit(self) -> None:
        text = self._editor.text
        self._submitting = True
        self._button.disable()
        try:
            name = await ask(lambda: submitted(self._parts, read(self._parts, text)))
        except SweepfrontError as error:
            faults = faults_of(error, text)
            self._refuse(faults)
            if all(fault.line is None for fault in faults):
                self._button.enable()  # trouble of the service, which may be over soon
        else:
            self._editor.forget_draft()
            ui.navigate.to(f"/sweeps/{name}")
        finally:
            self._submitting = False


def _said(fault: Fault) -> str:
    """Where and what, as markup."""
    place = "" if fault.line is None else f"Line {fault.line} "
    pointer = f"<code>{escape(fault.pointer)}</code> " if fault.pointer else ""
    return f"{place}{pointer}{escape(fault.message)}"
