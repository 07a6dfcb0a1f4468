"""/dashboard/compare: two to five sweeps beside each other, kept true while the page is open."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from nicegui import ui
from nicegui.events import GenericEventArguments, ValueChangeEventArguments

from app.dashboard.charts.comparison import against_time, against_trials
from app.dashboard.comparison import Compared, by_objective, compared, summary
from app.dashboard.frame import ask, frame, heading, keep_in_address, page, parts, root
from app.dashboard.live import on_change
from app.store import events
from app.store import sweeps as records
from app.sweep.record import SweepFilter

MOST = 5
"""Sweeps that are compared at once."""
_LABEL = "Sweeps to compare, two to five"
_OFFERED = 50
"""Sweeps that the choice offers at once; a search finds the others."""
_SUBJECTS = {
    against_trials: "Best value against trials",
    against_time: "Best value against time",
}


@page
async def show(request: Request, sweeps: str = "", log: str = "") -> None:
    """The sweeps that the address names, separated by commas."""
    names = list(dict.fromkeys(name for name in sweeps.split(",") if name))
    with frame(request, "Compare"):
        await Comparison(request, names, log=bool(log)).build()


class Comparison:
    """The comparison of one open page."""

    def __init__(self, request: Request, names: Sequence[str], *, log: bool) -> None:
        """Compare the sweeps of those names, `MOST` of them at most; `log`: on logarithmic axes."""
        self._request = request
        self._parts, self._root = parts(request), root(request)
        self._names, self._left_out = list(names[:MOST]), list(names[MOST:])
        self._log = log
        self._charts: dict[tuple[str, Any], ui.echart] = {}

    async def build(self) -> None:
        """Lay the page out with what is known now."""
        newest = await ask(events.newest, self._parts.db)
        offered = await ask(self._offer, "")
        with ui.element("div").classes("sf-row"):
            heading("Compare sweeps", 1)
            ui.element("div").classes("sf-space")
            ui.switch("Log scale", value=self._log).on_value_change(self._choose_scale)
        choice = ui.select(
            offered, value=list(self._names), label=_LABEL, multiple=True, with_input=True
        )
        choice.props(f"outlined use-chips clearable max-values={MOST}")
        choice.on("input-value", self._search, throttle=0.3, leading_events=False)
        choice.on_value_change(self._choose)
        self._choice = choice
        self._note = ui.label().classes("sf-muted").props('role="status"')
        self._groups = ui.element("div").classes("sf-column")
        with ui.element("section").classes("sf-card") as self._card:
            heading("Side by side")
            region = ui.element("div").classes("sf-scroll")
            with region.props('tabindex=0 role=region aria-label="Side by side"'):
                self._table = ui.html(sanitize=False)
        await self.refresh()
        on_change(self._request, None, self._follow, since=newest)

    async def refresh(self) -> None:
        """Show the sweeps as they are now."""
        names = list(self._names)
        found = await ask(compared, self._parts.db, self._parts.views, names)
        if names != self._names:
            return  # another choice was made meanwhile and is on its way
        shown = list(found.values())
        self._draw(by_objective(shown))
        self._card.set_visibility(bool(shown))
        self._table.set_content(summary(shown, self._root))
        self._note.set_text(_note(shown, names, self._left_out))

    async def _follow(self, changed: set[str]) -> None:
        if changed & set(self._names):
            await self.refresh()

    def _draw(self, groups: Mapping[str, list[Compared]]) -> None:
        place = {name: index for index, name in enumerate(self._names)}
        if {objective for objective, _ in self._charts} != set(groups):
            self._lay_out(groups)
        for (objective, chart_of), chart in self._charts.items():
            options = chart_of(groups[objective], place, log=self._log)
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
                    for chart_of, subject in _SUBJECTS.items():
                        with ui.element("section").classes("sf-card"):
                            heading(f"{subject}: {objective}")
                            chart = ui.echart({}).classes("sf-chart").props('role="img"')
                            self._charts[objective, chart_of] = chart

    async def _search(self, event: GenericEventArguments) -> None:
        self._choice.set_options(await ask(self._offer, str(event.args or "")))

    async def _choose(self, event: ValueChangeEventArguments[list[str]]) -> None:
        self._names, self._left_out = list(event.value or ()), []
        keep_in_address({"sweeps": ",".join(self._names)})
        self._choice.run_method("updateInputValue", "")  # what was searched for is found
        self._choice.set_options(await ask(self._offer, ""))
        await self.refresh()

    async def _choose_scale(self, event: ValueChangeEventArguments[bool | None]) -> None:
        self._log = bool(event.value)
        keep_in_address({"log": "1" if self._log else ""})
        await self.refresh()

    def _offer(self, search: str) -> dict[str, str]:
        """The sweeps to choose from, the chosen ones first: names and what is shown for them."""
        wanted = SweepFilter(search=search or None)
        found = records.page(self._parts.db, wanted, limit=_OFFERED).items
        chosen = {name: name for name in self._names}
        return chosen | {
            record.name: f"{record.name} ({record.document['experiment_name']})"
            for record in found
            if record.name not in chosen
        }


def _note(shown: Sequence[Compared], names: Sequence[str], left_out: Sequence[str]) -> str:
    """What a reader has to know of the comparison, in words."""
    words = []
    if len(shown) < 2:  # noqa: PLR2004 - a comparison has two sides
        words.append("Choose two to five sweeps; a search in the box finds older ones.")
    there = {each.record.name for each in shown}
    if missing := [name for name in names if name not in there]:
        words.append(f"There is no sweep named {', '.join(missing)}.")
    if left_out:
        words.append(f"{MOST} at most are compared; left out: {', '.join(left_out)}.")
    if len(by_objective(shown)) > 1:
        words.append(
            "These sweeps do not optimise the same thing, so not all of their values can be "
            "compared: each objective has charts of its own."
        )
    return " ".join(words)
