"""The charts of a sweep's page, with what can be chosen of them."""

from collections.abc import Callable

from nicegui import ui

from app.dashboard.charts.look import Options
from app.dashboard.drawing import ALL, TITLES, Wanted, draw
from app.dashboard.frame import ask, heading, keep_in_address
from app.parts import State
from app.sweep.record import SweepRecord
from app.views.shape import ViewName

_ORDER: tuple[ViewName, ...] = (
    "history",
    "parallel-coordinates",
    "importance",
    "slice",
    "timeline",
    "learning-curves",
)
"""What takes longest comes last."""
_TOPS = {ALL: "all trials", 50: "best 50 %", 25: "best 25 %", 10: "best 10 %"}


class SweepCharts:
    """Six cards; a chart is sent to the browser again only when it has changed."""

    def __init__(self, parts: State, sweep: SweepRecord, wanted: Wanted, names: list[str]) -> None:
        """Lay the cards out; `refresh` fills them.

        Args:
            parts: of the service.
            sweep: the one that is shown.
            wanted: what of the charts was chosen.
            names: of the hyperparameters.
        """
        self._parts, self._sweep = parts, sweep
        self._wanted, self._names = wanted, names
        self._charts: dict[ViewName, ui.echart] = {}
        self._drawn: dict[ViewName, Options] = {}
        if wanted.by not in names:
            wanted.by = names[0]
        with ui.element("div").classes("sf-charts"):
            self._card("history", self._history_controls)
            self._card("learning-curves")
            self._card("parallel-coordinates", self._parallel_controls, wide=True)
            self._card("importance")
            self._card("slice", self._slice_controls)
            self._card("timeline", wide=True)

    async def refresh(self, sweep: SweepRecord) -> None:
        """Draw what has changed, one chart after the other."""
        self._sweep = sweep
        for kind in _ORDER:
            chart = self._charts[kind]
            drawn = await ask(draw, self._parts, sweep, kind, self._wanted)
            if drawn != self._drawn.get(kind):
                self._drawn[kind] = drawn
                chart.options.clear()
                chart.options.update(drawn)
                chart.update()

    def filter(self, table: ui.aggrid) -> None:
        """Let a brush over the parallel coordinates filter the rows of that table."""
        chart = self._charts["parallel-coordinates"]
        handler = f"() => sweepfrontBrushed({chart.id}, {table.id})"
        chart.on("chart:axisareaselected", js_handler=handler)

    def _card(
        self, kind: ViewName, controls: Callable[[], None] | None = None, *, wide: bool = False
    ) -> None:
        with ui.element("section").classes("sf-card sf-wide" if wide else "sf-card"):
            with ui.element("div").classes("sf-row"):
                heading(TITLES[kind])
                ui.element("div").classes("sf-space")
                if controls is not None:
                    controls()
            chart = ui.echart({}).classes("sf-chart")
            chart.props(f'role="img" aria-label="{TITLES[kind]}"')
            self._charts[kind] = chart

    def _history_controls(self) -> None:
        switch = ui.switch("Log scale", value=self._wanted.log)
        switch.on_value_change(lambda event: self._choose(log=bool(event.value)))

    def _parallel_controls(self) -> None:
        top = self._wanted.top if self._wanted.top in _TOPS else ALL
        best = ui.select(_TOPS, label="Show", value=top)
        best.props("outlined dense").style("min-width: 120px")
        best.on_value_change(lambda event: self._choose(top=event.value))
        hidden = [name for name in self._names if name in self._wanted.hidden]
        hide = ui.select(self._names, label="Hide axes", value=hidden, multiple=True)
        hide.props("outlined dense").style("min-width: 150px; max-width: 300px")
        hide.on_value_change(lambda event: self._choose(hidden=set(event.value)))

    def _slice_controls(self) -> None:
        by = ui.select(self._names, label="Hyperparameter", value=self._wanted.by)
        by.props("outlined dense").style("min-width: 150px")
        by.on_value_change(lambda event: self._choose(by=event.value))

    async def _choose(self, **chosen: object) -> None:
        for name, value in chosen.items():
            setattr(self._wanted, name, value)
        keep_in_address(self._wanted.address())
        await self.refresh(self._sweep)
