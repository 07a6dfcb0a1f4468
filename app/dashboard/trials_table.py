"""The table of a sweep's trials: sorted and filtered in the browser, by a brushed chart, too."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from nicegui import ui

from app.dashboard import formats
from app.sweep.state import Trial

FIRST = 100
"""Rows that come with the page; the others follow at once."""
_LINK = (
    "p => { const a = document.createElement('a'); a.href = p.data.link;"
    " a.textContent = (p.data.best ? '\\u2605 ' : '') + p.value;"
    " a.setAttribute('aria-label', 'Trial ' + p.value + (p.data.best ? ', the best' : '')); return a; }"
)
_FIGURE = "p => p.value == null ? '' : Number(p.value.toPrecision(6)).toString()"
_SECONDS = "p => p.value == null ? '' : p.value.toFixed(1) + ' s'"


class TrialsTable:
    """The grid of one page; rows are kept by the trial's number."""

    def __init__(self, root: str, sweep: str, names: Sequence[str]) -> None:
        """An empty table with a column for each of these hyperparameters."""
        self._root, self._sweep, self._names = root, sweep, names
        self.grid = ui.aggrid(
            {
                "columnDefs": self._columns(),
                "rowData": [],
                "defaultColDef": {
                    "sortable": True,
                    "filter": True,
                    "resizable": True,
                    "width": 120,
                },
                ":onCellKeyDown": "sweepfrontEnter",
                ":getRowId": "p => String(p.data.number)",
                ":isExternalFilterPresent": "() => Boolean(globalThis.sweepfrontBrush)",
                ":doesExternalFilterPass": "n => globalThis.sweepfrontBrush.has(n.data.number)",
                ":initialState": "sweepfrontTable()",
                ":onStateUpdated": "sweepfrontTableChanged",
                "ensureDomOrder": True,
                "enableCellTextSelection": True,
                ":rowClassRules": "({'sf-best': p => p.data.best})",
            },
            auto_size_columns=False,
        )
        self.grid.classes("sf-grid").props('aria-label="Trials"')

    def show(self, trials: Sequence[Trial], best: int | None) -> None:
        """All rows anew; the order, the filters and the place of the user stay."""
        rows = [self._row(trial, best) for trial in trials]
        self.grid.run_grid_method("setGridOption", "rowData", rows)

    def begin(self, trials: Sequence[Trial], best: int | None) -> None:
        """The rows that come with the page."""
        self.grid.options["rowData"] = [self._row(trial, best) for trial in trials[:FIRST]]

    def _columns(self) -> list[dict[str, Any]]:
        return [
            {"field": "number", "headerName": "Trial", "width": 95, ":cellRenderer": _LINK},
            {
                "field": "status",
                "headerName": "Status",
                ":cellRenderer": "p => p.data.badge",
                "width": 150,
            },
            {"field": "objective", "headerName": "Objective", ":valueFormatter": _FIGURE},
            *(
                {
                    "field": f"p{place}",
                    "headerName": name,
                    ":valueFormatter": "p => p.data.shown[p.colDef.context]",
                    "context": place,
                }
                for place, name in enumerate(self._names)
            ),
            {"field": "duration", "headerName": "Duration", ":valueFormatter": _SECONDS},
            {"field": "attempt", "headerName": "Attempt", "width": 100},
            {"field": "reason", "headerName": "Reason", "width": 260, "tooltipField": "reason"},
        ]

    def _row(self, trial: Trial, best: int | None) -> dict[str, Any]:
        values = [trial.parameters.get(name) for name in self._names]
        return {
            "number": trial.number,
            "link": f"{self._root}/sweeps/{self._sweep}/trials/{trial.number}",
            "status": trial.status.value,
            "badge": formats.badge(trial.status),
            "objective": trial.objective_value,
            **{f"p{place}": value for place, value in enumerate(values)},
            "shown": ["" if value is None else formats.scalar(value) for value in values],
            "duration": trial.duration_seconds,
            "attempt": trial.attempt,
            "reason": trial.status_reason or "",
            "best": trial.number == best,
        }


def as_csv(trials: Sequence[Trial], names: Sequence[str]) -> bytes:
    """The trials as CSV (RFC 4180): a header, then a line for each."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(
        ["number", "status", "objective", *names, "duration_seconds", "attempt", "reason"]
    )
    for trial in trials:
        writer.writerow(
            [
                trial.number,
                trial.status.value,
                trial.objective_value,
                *(_plain(trial.parameters.get(name)) for name in names),
                trial.duration_seconds,
                trial.attempt,
                _plain(trial.status_reason),
            ]
        )
    return file.getvalue().encode()


def as_json(trials: Sequence[Trial]) -> bytes:
    """The trials as a JSON list."""
    rows = [
        {
            "number": trial.number,
            "status": trial.status.value,
            "objective_value": trial.objective_value,
            "parameters": dict(trial.parameters),
            "duration_seconds": trial.duration_seconds,
            "attempt": trial.attempt,
            "status_reason": trial.status_reason,
        }
        for trial in trials
    ]
    return json.dumps(rows, indent=1).encode()


def _plain(value: object) -> object:
    """A text that no spreadsheet takes for a formula."""
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if formula else value
