"""/dashboard/compare: two to five sweeps beside each other, kept true while any of them runs."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import Request
from nicegui import ui
from nicegui.events import GenericEventArguments, ValueChangeEventArguments

from app.dashboard.comparison import Compared, by_objective, compared, summary
from app.dashboard.comparison_charts import against_time, against_trials
from app.dashboard.frame import ask, frame, page, parts, root
from app.store import sweeps
from app.sweep.record import SweepFilter

MOST = 5
"""Sweeps that are compared at once."""
_OFFERED = 50
"""Sweeps that the choice offers at once; a search finds the others."""
_LIVELY_SECONDS, _CALM_SECONDS = 2.0, 15.0
_SUBJECT = {
    against_trials: "Best value against trials",
    against_time: "Best value against time",
}


@page
async def show(request: Request, sweeps: str = "") -> None:
    """The sweeps that the address names, separated by commas."""
    names = list(dict.fromkeys(name for name in sweeps.split(",") if name))
    with frame(request, "Compare"):
        await Comparison(request, names).build()


class Comparison:
    """The comparison of one open page."""

    def __init__(self, request: Request, names: Sequence[str]) -> None:
        """Compare the sweeps of those names, `MOST` of them at most."""
        self._db = parts(request).db
        self._root = root(request)
        self._names = list(names[:MOST])
        self._left_out = list(names[MOST:])
        self._found: dict[str, Compared] = {}
        self._charts: dict[tuple[str, Any], ui.echart] = {}

    async def build(self) -> None:
        """Lay the page out with what is known now."""
        offered = await ask(self._offer, "")
        ui.html("<h1>Compare sweeps</h1>", sanitize=False)
        self._choice = ui.select(
            offered,
            value=[name for name in self._names if name in offered],
            label="Sweeps to compare, two to five",
            multiple=True,
            with_input=True,
        )
        self._choice.props(f"outlined use-chips clearable max-values={MOST}")
        self._choice.on("input-value", self._search, throttle=0.3, leading_events=False)
        self._choice.on_value_change(self._choose)
        self._note = ui.label().classes("sf-muted").props('role="status"')
        self._groups = ui.element("div").classes("sf-column")
        with ui.element("section").classes("sf-card") as self._card:
            ui.html("<h2>Side by side</h2>", sanitize=False)
            region = ui.element("div").classes("sf-scroll")
            with region.props('tabindex=0 role=region aria-label="Side by side"'):
                self._table = ui.html(sanitize=False)
        self._timer = ui.timer(_LIVELY_SECONDS, self.refresh, immediate=False)
        await self.refresh()

    async def refresh(self) -> None:
        """Show the sweeps as they are now."""
        names = list(self._names)
        found = await ask(compared, self._db, names, self._found)
        if names != self._names:
            return  # another choice was made meanwhile and is on its way
        self._found = found
        shown = list(found.values())
        self._timer.interval = (
            _CALM_SECONDS if all(e.record.status.finished for e in shown) else _LIVELY_SECONDS
        )
        self._draw(by_objective(shown))
        self._card.set_visibility(bool(shown))
        self._table.set_content(summary(shown, self._root))
        self._note.set_text(self._words(shown))

    def _words(self, shown: Sequence[Compared]) -> str:
        words = []
        if len(shown) < 2:  # noqa: PLR2004 - a comparison has two sides
            words.append("Choose two to five sweeps; a search in the box finds older ones.")
        if missing := [name for name in self._names if name not in self._found]:
            words.append(f"There is no sweep named {', '.join(missing)}.")
        if self._left_out:
            words.append(f"{MOST} at most are compared; left out: {', '.join(self._left_out)}.")
        if len(by_objective(shown)) > 1:
            words.append(
                "These sweeps do not optimise the same thing, so not all of their values can be "
                "compared: each objective has charts of its own."
            )
        return " ".join(words)

    def _draw(self, groups: Mapping[str, list[Compared]]) -> None:
        place = {name: index for index, name in enumerate(self._names)}
        if {objective for objective, _ in self._charts} != set(groups):
            self._lay_out(groups)
        for (objective, chart_of), chart in self._charts.items():
            options = chart_of(groups[objective], place)
            if options != chart.options:
                chart.options.clear()
                chart.options.update(options)
                chart.update()

    def _lay_out(self, groups: Mapping[str, list[Compared]]) -> None:
        """An empty pair of charts for each objective."""
        self._groups.clear()
        self._charts.clear()
        with self._groups:
            for objective in groups:
                with ui.element("div").classes("sf-charts"):
                    for chart_of, subject in _SUBJECT.items():
                        with ui.element("section").classes("sf-card"):
                            with ui.element("h2"):
                                ui.label(f"{subject}: {objective}")
                            chart = ui.echart({}).classes("sf-chart")
                            chart.props('role="img"')
                            chart.props["aria-label"] = f"{subject}: {objective}"
                            self._charts[objective, chart_of] = chart

    async def _search(self, event: GenericEventArguments) -> None:
        self._choice.set_options(await ask(self._offer, str(event.args or "")))

    async def _choose(self, event: ValueChangeEventArguments[list[str]]) -> None:
        self._names = list(event.value or ())
        self._left_out = []
        query = ",".join(quote(name) for name in self._names)
        ui.navigate.history.replace(f"{self._root}/compare{'?sweeps=' if query else ''}{query}")
        self._choice.set_options(await ask(self._offer, ""))
        await self.refresh()

    def _offer(self, search: str) -> dict[str, str]:
        """The sweeps to choose from, the chosen ones first: names and what is shown for them."""
        found = sweeps.page(self._db, SweepFilter(search=search or None), limit=_OFFERED).items
        chosen = {name: name for name in self._names}
        return chosen | {
            record.name: f"{record.name} ({record.document['experiment_name']})"
            for record in found
            if record.name not in chosen
        }
