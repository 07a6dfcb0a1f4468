"""What a trial left behind, as its backend has it: loaded late, told when it cannot be."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from app.backends.base import Artifact, backend_of
from app.dashboard import formats
from app.dashboard.frame import api_root, ask, heading, parts
from app.dashboard.markup import link, table
from app.services.removed import check_artifacts
from app.store import sweeps, trials
from app.sweep.document import BackendName
from app.sweep.errors import SweepfrontError

MOST = 300
"""Files that are shown; the API lists all."""


class TrialFiles:
    """The artifacts of one trial on one open page."""

    def __init__(self, request: Request, backend: BackendName, name: str, number: int) -> None:
        """Lay the card out; `read` fills it."""
        self._parts = parts(request)
        self._backend, self._name, self._number = backend, name, number
        self._calls = f"{api_root(request)}/v1/sweeps/{name}/trials/{number}/artifacts"
        with ui.element("section").classes("sf-card"):
            heading("Artifacts")
            self._shown = ui.html("<p>loading</p>", sanitize=False).classes("sf-scroll")

    async def read(self) -> None:
        """Ask the backend for them."""
        try:
            found = await ask(self._list)
        except (SweepfrontError, OSError) as error:
            words = error.message if isinstance(error, SweepfrontError) else str(error)
            self._shown.set_content(f"<p>They cannot be listed now: {escape(words)}</p>")
        else:
            self._shown.set_content(self._table(found))

    def _list(self) -> list[Artifact]:
        db, backend = self._parts.db, backend_of(self._parts.backends, self._backend)
        found = backend.artifacts(self._name, self._number)
        if not found:
            check_artifacts(sweeps.get(db, self._name), trials.get(db, self._name, self._number))
        return found

    def _table(self, found: Sequence[Artifact]) -> str:
        if not found:
            return "<p>There is nothing in ./outputs, and no file was logged.</p>"
        rows = [
            (
                link(f"{self._calls}/{quote(each.path)}", each.path, download=True),
                escape(formats.size(each.size)),
                escape(formats.age(each.modified_at)),
            )
            for each in found[:MOST]
        ]
        note = ""
        if len(found) > MOST:
            note = f"<p>The first {MOST} of {len(found)} are shown; the API lists all.</p>"
        return table("Artifacts", ("File", "Size", "Written"), rows) + note
