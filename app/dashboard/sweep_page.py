"""/dashboard/sweeps/{name}: how a sweep is doing, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request
from nicegui import ui

from app.dashboard.drawing import ALL, Wanted, names_of
from app.dashboard.frame import ask, frame, heading, page, parts, root
from app.dashboard.live import on_change
from app.dashboard.sweep_actions import SweepActions
from app.dashboard.sweep_charts import SweepCharts
from app.dashboard.sweep_header import SweepHeader
from app.dashboard.trials_table import TrialsTable, as_csv, as_json
from app.services.outlook import seconds_left
from app.store import events, sweeps, trials
from app.store.database import Database
from app.sweep.record import SweepRecord
from app.sweep.state import Trial

_FRESH_SECONDS = 5.0
"""How often the head is told anew when nothing else happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a page shows of a sweep, read after the event `newest`."""

    newest: int
    sweep: SweepRecord
    trials: list[Trial]
    seconds_left: float | None

    @property
    def best(self) -> int | None:
        """Number of the best trial."""
        return self.sweep.best_trial.number if self.sweep.best_trial else None

    @property
    def names(self) -> list[str]:
        """The hyperparameters of every branch, in the document's order."""
        return names_of(self.sweep)


def load(db: Database, name: str) -> Loaded:
    """Read a sweep with its trials.

    Raises:
        NotFoundError: there is none of that name.
    """
    newest = events.newest(db, name)
    sweep = sweeps.get(db, name)
    found = trials.every(db, name)
    return Loaded(newest=newest, sweep=sweep, trials=found, seconds_left=seconds_left(sweep, found))


@page
async def show(
    request: Request, name: str, log: str = "", hide: str = "", top: int = ALL, by: str = ""
) -> None:
    """The page of one sweep; what of its charts was chosen stands in the address."""
    with frame(request, name):
        wanted = Wanted(log=bool(log), hidden=set(filter(None, hide.split(","))), top=top, by=by)
        await SweepPage(request, name, wanted).build()


class SweepPage:
    """The page of one sweep, as one browser sees it."""

    def __init__(self, request: Request, name: str, wanted: Wanted) -> None:
        """Show the sweep of that name."""
        self._request = request
        self._parts, self._root, self._name = parts(request), root(request), name
        self._wanted = wanted

    async def build(self) -> None:
        """Lay the page out; heavy charts follow once it is shown."""
        loaded = await ask(load, self._parts.db, self._name)
        self._loaded = loaded
        with ui.element("section").classes("sf-card sf-head"):
            self._header = SweepHeader(loaded.sweep)
            self._actions = SweepActions(self._parts, self._name, self.refresh)
        self._charts = SweepCharts(self._parts, loaded.sweep, self._wanted, loaded.names)
        with ui.element("section").classes("sf-card"):
            with ui.element("div").classes("sf-row"):
                heading("Trials")
                ui.element("div").classes("sf-space")
                self._export("CSV", lambda: as_csv(self._loaded.trials, self._loaded.names))
                self._export("JSON", lambda: as_json(self._loaded.trials))
            self._table = TrialsTable(self._root, self._name, loaded.names)
        self._charts.filter(self._table.grid)
        self._header.show(loaded.sweep, loaded.seconds_left)
        self._actions.show(loaded.sweep)
        self._table.begin(loaded.trials, loaded.best)
        ui.timer(0.01, self._complete, once=True)

    async def refresh(self) -> None:
        """Show the sweep as it is now."""
        self._loaded = loaded = await ask(load, self._parts.db, self._name)
        self._header.show(loaded.sweep, loaded.seconds_left)
        self._actions.show(loaded.sweep)
        self._table.show(loaded.trials, loaded.best)
        await self._charts.refresh(loaded.sweep)

    async def _complete(self) -> None:
        on_change(self._request, self._name, lambda _: self.refresh(), since=self._loaded.newest)
        ui.timer(_FRESH_SECONDS, self._tell_head)
        await self._charts.refresh(self._loaded.sweep)
        self._table.show(self._loaded.trials, self._loaded.best)

    async def _tell_head(self) -> None:
        """Times go on, and the backend is heard, without an event."""
        sweep = await ask(sweeps.get, self._parts.db, self._name)
        self._header.show(sweep, self._loaded.seconds_left)

    def _export(self, kind: str, make: Callable[[], bytes]) -> None:
        def download() -> None:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            ui.download.content(make(), f"{self._name}-{stamp}.{kind.lower()}")

        button = ui.button(kind, icon="download", on_click=download)
        button.props(f'outline dense no-caps aria-label="Download the trials as {kind}"')
