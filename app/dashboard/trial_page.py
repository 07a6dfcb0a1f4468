"""/dashboard/sweeps/{name}/trials/{number}: one trial, what it did, and what was decided about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from nicegui import ui

from app.access.callers import Role
from app.dashboard import formats
from app.dashboard.charts.metric import metric_chart
from app.dashboard.frame import ask, frame, heading, page, parts, root
from app.dashboard.live import on_change
from app.dashboard.markup import facts
from app.dashboard.question import action, question
from app.dashboard.register_question import ask_register
from app.dashboard.trial_facts import facts_of, ledger, primary_metric
from app.dashboard.trial_files import TrialFiles
from app.dashboard.trial_log import TrialLog
from app.dashboard.trial_words import outcome
from app.parts import State
from app.services.resume import cancel_trial, retry
from app.services.views import TrialCurves
from app.store import events, models, sweeps, trials
from app.store.paging import Page
from app.sweep.record import ModelVersion, SweepRecord
from app.sweep.state import Decision, Trial, TrialStatus

_POINTS = 400
_DECISIONS = 50
_MOST_CHARTS = 12
_FRESH_SECONDS = 5.0
"""How often ages are told anew when nothing else happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a page shows of a trial, read after the event `newest`; decisions the newest first."""

    newest: int
    sweep: SweepRecord
    trial: Trial
    decisions: Page[Decision]
    curves: TrialCurves
    registered: Sequence[ModelVersion]


def load(state: State, name: str, number: int) -> Loaded:
    """Read a trial with its curves and its newest decisions.

    Raises:
        NotFoundError: no such sweep or trial.
    """
    newest = events.newest(state.db, name)
    sweep = sweeps.get(state.db, name)
    trial = trials.get(state.db, name, number)
    primary = primary_metric(sweep)
    metrics = [primary, *sorted(trial.metrics.keys() - {primary})][:_MOST_CHARTS]
    return Loaded(
        newest=newest,
        sweep=sweep,
        trial=trial,
        decisions=trials.decisions(state.db, name, number, sort="-arrival", limit=_DECISIONS),
        curves=state.views.curves_of_trial(name, trial, metrics, _POINTS),
        registered=models.of_trial(state.db, name, number),
    )


@page
async def show(request: Request, name: str, number: int) -> None:
    """The page of one trial."""
    with frame(request, f"Trial {number} of {name}"):
        await TrialPage(request, name, number).build()


class TrialPage:
    """The page of one trial, as one browser sees it."""

    def __init__(self, request: Request, name: str, number: int) -> None:
        """Show that trial."""
        self._request, self._parts = request, parts(request)
        self._name, self._number = name, number
        self._charts: dict[str, ui.echart] = {}
        self._last = True

    async def build(self) -> None:
        """Lay the page out; log and artifacts, which a backend has, follow."""
        loaded = await ask(load, self._parts, self._name, self._number)
        with ui.element("section").classes("sf-card sf-head"):
            self._head()
        with ui.element("div").classes("sf-charts"):
            with ui.element("section").classes("sf-card"):
                heading("Hyperparameters")
                self._drawn = ui.html(sanitize=False)
            with ui.element("section").classes("sf-card"):
                heading("Latest metrics")
                self._latest = ui.html(sanitize=False)
        self._curves = ui.element("div").classes("sf-charts")
        with ui.element("section").classes("sf-card"):
            heading("Decisions")
            tall = ui.element("div").classes("sf-tall")
            with tall.props('role="region" aria-label="Decisions" tabindex="0"'):
                self._decisions = ui.html(sanitize=False)
            self._more = ui.label(
                f"The newest {_DECISIONS} are shown; the API lists all: GET {self._path}/decisions"
            ).classes("sf-muted")
        of = self._request, loaded.sweep.backend, self._name, self._number
        self._log, self._files = TrialLog(*of), TrialFiles(*of)
        self._show(loaded)
        ui.timer(0.01, self._log.read, once=True)
        ui.timer(0.01, self._files.read, once=True)
        ui.timer(0.01, self._follow, once=True)

    async def refresh(self) -> None:
        """Show the trial as it is now."""
        before = self._loaded.trial
        self._show(await ask(load, self._parts, self._name, self._number))
        now = self._loaded.trial
        if (before.status, before.attempt) != (now.status, now.attempt):
            await self._files.read()

    def _follow(self) -> None:
        newest = self._loaded.newest
        on_change(
            self._request, self._name, lambda _: self.refresh(), since=newest, trial=self._number
        )
        ui.timer(_FRESH_SECONDS, self._tell_facts)

    def _head(self) -> None:
        with ui.element("div").classes("sf-row"):
            heading(f"Trial {self._number}", 1)
            self._status = ui.html(sanitize=False)
            ui.label("of")
            ui.link(self._name, f"/sweeps/{self._name}")
            ui.element("div").classes("sf-space")
            if self._number:
                self._neighbour("Previous", self._number - 1)
            self._following = ui.element("span")
        self._outcome = ui.label().classes("sf-warning").props('role="status"')
        self._facts = ui.html(sanitize=False)
        with ui.element("div").classes("sf-row"):
            self._cancel = action("Cancel", "stop_circle", self._ask_cancel)
            self._retry = action("Run again", "replay", self._ask_retry)
            self._register = action("Register model", "workspace_premium", self._ask_register)

    def _show(self, loaded: Loaded) -> None:
        self._loaded = loaded
        sweep, trial, decisions = loaded.sweep, loaded.trial, loaded.decisions
        base = root(self._request)
        self._status.set_content(formats.badge(trial.status))
        said = outcome(trial, decisions.items)
        self._outcome.set_text(said)
        self._outcome.set_visibility(bool(said))
        self._tell_facts()
        if self._number + 1 < sum(sweep.trial_counts.values()) and self._last:
            self._last = False
            with self._following:
                self._neighbour("Next", self._number + 1)
        caller = self._parts.caller
        operator = caller.may(Role.OPERATOR, sweep.project)
        self._cancel.set_visibility(operator and not trial.status.finished)
        self._retry.set_visibility(operator and trial.status.finished and sweep.backend == "local")
        done = trial.status is TrialStatus.COMPLETED and trial.objective_value is not None
        self._register.set_visibility(done and caller.may(Role.REGISTRAR, sweep.project))
        drawn = {key: formats.scalar(value) for key, value in trial.parameters.items()}
        self._drawn.set_content(facts(drawn) if drawn else "<p>none</p>")
        latest = {key: formats.number(value) for key, value in sorted(trial.metrics.items())}
        self._latest.set_content(facts(latest) if latest else "<p>none reported</p>")
        self._show_curves(loaded.curves)
        self._decisions.set_content(ledger(base, self._name, trial, decisions.items))
        self._more.set_visibility(decisions.next_cursor is not None)
        self._log.follow(running=not trial.status.finished)

    def _show_curves(self, curves: TrialCurves) -> None:
        shown = {metric: rows for metric, rows in curves.metrics.items() if len(rows) > 1}
        primary = primary_metric(self._loaded.sweep)
        self._curves.set_visibility(bool(shown))
        if self._charts.keys() != shown.keys():
            self._curves.clear()
            self._charts = {metric: self._chart(metric) for metric in shown}
        for metric, rows in shown.items():
            options = metric_chart(metric, rows, curves.held if metric == primary else ())
            chart = self._charts[metric]
            if options != chart.options:
                chart.options.clear()
                chart.options.update(options)
                chart.update()

    def _tell_facts(self) -> None:
        shown = self._loaded
        base = root(self._request)
        self._facts.set_content(facts_of(base, shown.sweep, shown.trial, shown.registered))

    def _chart(self, metric: str) -> ui.echart:
        with self._curves, ui.element("section").classes("sf-card"):
            heading(metric)
            return ui.echart({}).classes("sf-chart sf-small").props('role="img"')

    def _neighbour(self, words: str, number: int) -> None:
        ui.link(words, f"/{self._at(number)}").props(f'aria-label="{words} trial"')

    def _at(self, number: int) -> str:
        return f"sweeps/{self._name}/trials/{number}"

    @property
    def _path(self) -> str:
        return f"/v1/{self._at(self._number)}"

    def _ask_cancel(self) -> None:
        def cancel() -> str:
            cancel_trial(self._parts.db, self._parts.backends, self._name, self._number)
            return "The trial is about to end."

        words = "The sweep goes on without it."
        question("Cancel this trial?", words, "Cancel the trial", cancel, self.refresh)

    def _ask_retry(self) -> None:
        def again() -> str:
            retry(self._parts.db, self._parts.backends, self._name, self._number)
            self._parts.attendant.wake(self._name)
            return "The trial runs again."

        words = "The same hyperparameters; what it reported before is replaced."
        question("Run this trial again?", words, "Run it again", again, self.refresh)

    def _ask_register(self) -> None:
        best = self._loaded.sweep.best_trial
        leads = best is not None and best.number == self._number
        words = "the best" if leads else "which is not the best of its sweep"
        ask_register(self._parts, self._name, self._number, words, self.refresh)
