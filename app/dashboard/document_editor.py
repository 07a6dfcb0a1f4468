"""The editor of a document: YAML with suggestions, marks at its faults, a draft in the browser."""

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from nicegui import ui

from app.dashboard.suggestions import Place, suggestions
from app.sweep.document import SweepDocument

_FOLDER = Path(__file__).parent
_HELP = (
    "Tab indents; press Escape and then Tab to leave the editor. "
    "Ctrl-Space suggests keys and values, Ctrl-Z takes back."
)


class DocumentEditor:
    """The editor of one open page."""

    def __init__(
        self,
        text: str,
        *,
        origin: str,
        limit: int,
        changed: Callable[[], Any],
    ) -> None:
        """Place the editor here.

        Args:
            text: what it begins with.
            origin: where that comes from; a draft comes back to where it was begun.
            limit: length of the largest file that is opened, in bytes.
            changed: called at every change of the text.
        """
        self._origin = origin
        self._limit = limit
        self._slot = "sweepfront-repetition" if origin else "sweepfront-draft"
        ui.add_css(_FOLDER / "document_editor.css")
        ui.add_head_html(f"<script>{_script()}</script>")
        self._editor = ui.codemirror(text, language="YAML", indent="  ", line_wrapping=True)
        self._editor.classes("sf-editor")
        self._help = ui.label(_HELP).classes("sf-muted")
        self._editor.on_value_change(changed)

    @property
    def text(self) -> str:
        """What stands in the editor."""
        return str(self._editor.value or "")

    async def begin(self) -> bool:
        """Bring a draft of before back once the page is shown; True when there was one."""
        words = {
            "label": "Sweep document, YAML",
            "help": self._help.html_id,
            "slot": self._slot,
            "origin": self._origin,
            "places": _places(),
        }
        script = f"return await sweepfrontEditor.begin({self._editor.id}, {json.dumps(words)})"
        try:
            return bool(await ui.run_javascript(script, timeout=10.0))
        except TimeoutError:
            return False  # a slow browser goes on by itself, and its draft comes as a change

    def replace(self, text: str) -> None:
        """Let another text stand there; the editor's undo brings the former back."""
        self._editor.set_value(text)

    def mark(self, lines: Iterable[int]) -> None:
        """Mark the lines of the faults, and no others; they count from 1."""
        there = len(self.text.splitlines()) or 1
        self._editor.decorations = [
            {"kind": "line", "line": line, "class": "cm-fault"}
            for line in sorted(set(lines))
            if line <= there
        ]

    def going_to(self, line: int) -> str:
        """JavaScript that puts the cursor on a line."""
        return f"() => sweepfrontEditor.go({self._editor.id}, {line})"

    def opening_a_file(self) -> str:
        """JavaScript that asks for a file and puts its text into the editor."""
        return f"() => sweepfrontEditor.open({self._editor.id}, {self._limit})"

    def forget_draft(self) -> None:
        """Keep the text no longer."""
        ui.run_javascript(f"sweepfrontEditor.forget({json.dumps(self._slot)})")


@cache
def _script() -> str:
    return (_FOLDER / "document_editor.js").read_text(encoding="utf-8")


@cache
def _places() -> Place:
    return suggestions(SweepDocument.model_json_schema(mode="validation"))
