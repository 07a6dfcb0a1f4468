"""/dashboard: the sweeps, newest first, kept true while the page is open."""

from contextlib import suppress
from typing import Any

from fastapi import Request
from nicegui import ui

from app.dashboard import formats
from app.dashboard.first_sweep import invite
from app.dashboard.frame import ask, frame, heading, keep_in_address, page, parts, root
from app.dashboard.live import on_change
from app.store import events, sweeps
from app.store.database import Database
from app.sweep.document import BackendName, expected_trials
from app.sweep.errors import NotFoundError
from app.sweep.record import SweepFilter, SweepRecord
from app.sweep.state import SweepStatus

SHOWN = 2000
"""Sweeps that the list holds at most; a search finds the others."""
_FIRST = 50
"""Sweeps that come with the page itself; the others follow at once."""
_AGES_SECONDS = 10.0
"""How often the ages are told anew when nothing else happens."""
_STATUSES = {status.value: status for status in SweepStatus}
_UPDATED = 50
"""Sweeps that are shown anew one by one; of more, the whole list is."""
_BACKENDS: dict[str, BackendName] = {"local": "local", "azureml": "azureml"}
_LINK = "p => { const a = document.createElement('a'); a.href = p.data.link; a.textContent = p.value; return a; }"
_COLUMNS: list[dict[str, Any]] = [
    {
        "field": "name",
        "headerName": "Sweep",
        "minWidth": 170,
        "flex": 2,
        ":cellRenderer": _LINK,
    },
    {"field": "status", "headerName": "Status", "width": 130, ":cellRenderer": "p => p.data.badge"},
    {
        "field": "ended",
        "headerName": "Progress",
        "minWidth": 130,
        "flex": 1,
        ":cellRenderer": "p => p.data.progress",
    },
    {"field": "trials", "headerName": "Trials", "width": 95},
    {"field": "best", "headerName": "Best", "width": 115, ":valueFormatter": "p => p.data.figure"},
    {"field": "metric", "headerName": "Metric", "width": 120},
    {"field": "experiment", "headerName": "Experiment", "minWidth": 130, "flex": 1},
    {"field": "backend", "headerName": "Backend", "width": 110},
    {
        "field": "created",
        "headerName": "Created",
        "width": 160,
        ":valueFormatter": "p => sweepfrontAge(p.value)",
    },
]


@page
async def show(request: Request, search: str = "", status: str = "", backend: str = "") -> None:
    """The list, narrowed by what the address says."""
    with frame(request, "Sweeps"):
        await SweepList(request, {"search": search, "status": status, "backend": backend}).build()


class SweepList:
    """The list of one open page."""

    def __init__(self, request: Request, wanted: dict[str, str]) -> None:
        """Show what is wanted: search, status, backend; an empty text means any."""
        self._request = request
        self._parts = parts(request)
        self._root = root(request)
        self._wanted = wanted
        self._cursor: str | None = None
        self._shown: set[str] = set()

    async def build(self) -> None:
        """Lay the page out with the first rows; the others follow once it is shown."""
        newest = await ask(events.newest, self._parts.db)
        rows = await self._rows(_FIRST)
        self._controls()
        self._empty = ui.element("div")
        with self._empty:
            invite(self._request)
        self._grid = ui.aggrid(
            {
                "columnDefs": _COLUMNS,
                "rowData": rows,
                "defaultColDef": {"sortable": True, "filter": True, "resizable": True},
                ":onCellKeyDown": "sweepfrontEnter",
                ":getRowId": "p => p.data.name",
                "suppressCellFocus": False,
                "ensureDomOrder": True,
                "enableCellTextSelection": True,
            },
            auto_size_columns=False,
        )
        self._grid.classes("sf-grid").props('aria-label="Sweeps"')
        self._note = ui.label().classes("sf-muted").props('role="status"')
        self._tell(len(rows))
        ui.timer(0.05, self._rest, once=True)
        ui.timer(_AGES_SECONDS, self._tell_ages)
        on_change(self._request, None, self._update, since=newest)

    async def refresh(self) -> None:
        """Show the sweeps as they are now."""
        rows = await self._rows(SHOWN)
        self._grid.run_grid_method("setGridOption", "rowData", rows)
        self._tell(len(rows))

    def _controls(self) -> None:
        with ui.element("div").classes("sf-row"):
            heading("Sweeps", 1)
            ui.element("div").classes("sf-space")
            ui.input("Search", value=self._wanted["search"]).props(
                "outlined dense debounce=300 clearable"
            ).on_value_change(lambda event: self._narrow(search=event.value or ""))
            self._choice("Status", "status", list(_STATUSES))
            self._choice("Backend", "backend", list(_BACKENDS))

    def _choice(self, label: str, key: str, values: list[str]) -> None:
        options = {"": "any", **{value: formats.words(value) for value in values}}
        value = self._wanted[key] if self._wanted[key] in options else ""
        choice = ui.select(options, label=label, value=value).props("outlined dense")
        choice.style("min-width: 130px")
        choice.on_value_change(lambda event: self._narrow(**{key: event.value}))

    async def _narrow(self, **changes: str) -> None:
        self._wanted |= changes
        keep_in_address(self._wanted)
        await self.refresh()

    def _tell_ages(self) -> None:
        self._grid.run_grid_method("refreshCells", {"columns": ["created"], "force": True})

    async def _rest(self) -> None:
        if self._cursor is not None:
            await self.refresh()

    async def _update(self, names: set[str]) -> None:
        """Show those sweeps as they are now; the others stay."""
        if any(self._wanted.values()) or not 0 < len(names) <= _UPDATED or not self._shown:
            await self.refresh()
            return
        found = await ask(_found, self._parts.db, names)
        rows = [self._row(record) for record in found if not record.archived]
        there = {row["name"] for row in rows}
        change = {
            "add": [row for row in rows if row["name"] not in self._shown],
            "addIndex": 0,
            "update": [row for row in rows if row["name"] in self._shown],
            "remove": [{"name": name} for name in names - there if name in self._shown],
        }
        self._shown = (self._shown | there) - (names - there)
        self._grid.run_grid_method("applyTransaction", change)
        self._tell(len(self._shown))

    def _tell(self, count: int) -> None:
        narrowed = any(self._wanted.values())
        self._empty.set_visibility(not count and not narrowed)
        self._grid.set_visibility(bool(count))
        more = f"; the newest {SHOWN} are shown, search for others" if self._cursor else ""
        self._note.set_text(f"{count} sweeps{more}" if count or narrowed else "")

    async def _rows(self, limit: int) -> list[dict[str, Any]]:
        wanted = SweepFilter(
            search=self._wanted["search"] or None,
            status=_STATUSES.get(self._wanted["status"]),
            backend=_BACKENDS.get(self._wanted["backend"]),
        )
        found = await ask(sweeps.page, self._parts.db, wanted, limit=limit)
        self._cursor = found.next_cursor
        self._shown = {record.name for record in found.items}
        return [self._row(record) for record in found.items]

    def _row(self, record: SweepRecord) -> dict[str, Any]:
        document: Any = record.document
        counts = record.trial_counts
        best = record.best_trial
        return {
            "name": record.name,
            "link": f"{self._root}/sweeps/{record.name}",
            "status": record.status.value,
            "badge": formats.badge(record.status),
            "ended": sum(n for status, n in counts.items() if status.finished),
            "progress": formats.progress(counts, expected_trials(document)),
            "trials": sum(counts.values()),
            "best": best.objective_value if best else None,
            "figure": formats.number(best.objective_value) if best else "",
            "metric": document["objective"]["primary_metric"],
            "experiment": document["experiment_name"],
            "backend": record.backend,
            "created": record.created_at.isoformat(),
        }


def _found(db: Database, names: set[str]) -> list[SweepRecord]:
    """Those of the sweeps that are still there."""
    found = []
    for name in sorted(names):
        with suppress(NotFoundError):
            found.append(sweeps.get(db, name))
    return found
