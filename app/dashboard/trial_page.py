"""/dashboard/sweeps/{name}/trials/{number}: one trial, what it did, and what was decided about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from fastapi import Request
from nicegui import ui

from app.backends.base import backend_of
from app.dashboard import formats
from app.dashboard.charts.metric import metric_chart
from app.dashboard.frame import ask, frame, heading, page, parts
from app.dashboard.live import on_change
from app.dashboard.markup import facts, table
from app.dashboard.question import action, question
from app.dashboard.sweep_actions import ask_register
from app.dashboard.trial_files import TrialFiles
from app.dashboard.trial_words import compared, outcome
from app.parts import State
from app.services.resume import retry
from app.store import events, sweeps, trials
from app.sweep.record import SweepRecord
from app.sweep.state import Decision, Trial, TrialStatus
from app.views.shape import Row

_POINTS = 400
_DECISIONS = 200
_MOST_CHARTS = 12
_FRESH_SECONDS = 5.0
"""How often ages are told anew when nothing else happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a page shows of a trial, read after the event `newest`."""

    newest: int
    sweep: SweepRecord
    trial: Trial
    decisions: Sequence[Decision]
    curves: Mapping[str, Sequence[Row]]

    @property
    def primary_metric(self) -> str:
        """The metric that is optimised."""
        objective = self.sweep.document["objective"]
        return str(objective["primary_metric"]) if isinstance(objective, dict) else ""


def load(state: State, name: str, number: int) -> Loaded:
    """Read a trial with its curves and decisions.

    Raises:
        NotFoundError: no such sweep or trial.
    """
    newest = events.newest(state.db, name)
    sweep = sweeps.get(state.db, name)
    trial = trials.get(state.db, name, number)
    found: list[Decision] = []
    cursor = None
    while True:
        some = trials.decisions(state.db, name, number, limit=_DECISIONS, cursor=cursor)
        found += some.items
        cursor = some.next_cursor
        if cursor is None:
            break
    loaded = Loaded(newest=newest, sweep=sweep, trial=trial, decisions=found, curves={})
    names = sorted(trial.metrics, key=lambda metric: (metric != loaded.primary_metric, metric))
    curves = state.views.curves_of_trial(name, number, names[:_MOST_CHARTS], _POINTS)
    return Loaded(newest=newest, sweep=sweep, trial=trial, decisions=found, curves=curves)


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

    async def build(self) -> None:
        """Lay the page out; logs and artifacts, which a backend has, follow."""
        loaded = await ask(load, self._parts, self._name, self._number)
        with ui.element("section").classes("sf-card sf-head"):
            self._head(loaded)
        with ui.element("section").classes("sf-card"):
            heading("Hyperparameters")
            drawn = {key: formats.scalar(value) for key, value in loaded.trial.parameters.items()}
            ui.html(facts(drawn) if drawn else "none", sanitize=False)
        self._metrics = ui.element("div").classes("sf-charts")
        with ui.element("section").classes("sf-card"):
            heading("Decisions")
            self._decisions = ui.html(sanitize=False).classes("sf-scroll")
        self._files = TrialFiles(self._request, loaded.sweep.backend, self._name, self._number)
        self._show(loaded)
        ui.timer(0.01, self._complete, once=True)

    async def refresh(self) -> None:
        """Show the trial as it is now."""
        self._show(await ask(load, self._parts, self._name, self._number))

    async def _complete(self) -> None:
        on_change(self._request, self._name, lambda _: self.refresh(), since=self._loaded.newest)
        ui.timer(_FRESH_SECONDS, lambda: self._facts.set_content(facts(_facts(self._loaded))))
        await self._files.load()
        self._files.follow(lambda: self._loaded.trial.status.finished)

    def _head(self, loaded: Loaded) -> None:
        with ui.element("div").classes("sf-row"):
            heading(f"Trial {self._number}", 1)
            self._status = ui.html(sanitize=False)
            ui.label("of")
            ui.link(self._name, f"/sweeps/{self._name}")
            ui.element("div").classes("sf-space")
            if self._number:
                ui.link("Previous", self._address(self._number - 1))
            if self._number + 1 < sum(loaded.sweep.trial_counts.values()):
                ui.link("Next", self._address(self._number + 1))
        self._outcome = ui.label().classes("sf-warning").props('role="status"')
        self._facts = ui.html(sanitize=False)
        with ui.element("div").classes("sf-row"):
            self._cancel = action("Cancel", "stop_circle", self._ask_cancel)
            self._retry = action("Run again", "replay", self._ask_retry)
            self._register = action("Register model", "workspace_premium", self._ask_register)

    def _show(self, loaded: Loaded) -> None:
        self._loaded = loaded
        trial = loaded.trial
        self._status.set_content(formats.badge(trial.status))
        said = outcome(trial, loaded.decisions)
        self._outcome.set_text(said)
        self._outcome.set_visibility(bool(said))
        self._facts.set_content(facts(_facts(loaded)))
        self._cancel.set_visibility(not trial.status.finished)
        self._retry.set_visibility(trial.status.finished and loaded.sweep.backend == "local")
        done = trial.status is TrialStatus.COMPLETED and trial.objective_value is not None
        self._register.set_visibility(done)
        self._show_metrics(loaded)
        self._decisions.set_content(_ledger(loaded.decisions))

    def _show_metrics(self, loaded: Loaded) -> None:
        for metric, rows in loaded.curves.items():
            held = loaded.decisions if metric == loaded.primary_metric else ()
            options = metric_chart(metric, rows, held)
            if metric not in self._charts:
                with self._metrics, ui.element("section").classes("sf-card"):
                    heading(metric)
                    self._charts[metric] = ui.echart({}).classes("sf-chart").props('role="img"')
            chart = self._charts[metric]
            if options != chart.options:
                chart.options.clear()
                chart.options.update(options)
                chart.update()

    def _address(self, number: int) -> str:
        return f"/sweeps/{self._name}/trials/{number}"

    def _ask_cancel(self) -> None:
        def cancel() -> str:
            backend = backend_of(self._parts.backends, self._loaded.sweep.backend)
            backend.cancel_trial(self._name, self._number)
            return "The trial is about to end."

        words = "The sweep goes on without it."
        question("Cancel this trial?", words, "Cancel the trial", cancel, self.refresh)

    def _ask_retry(self) -> None:
        def again() -> str:
            retry(self._parts.db, self._parts.backends, self._name, self._number)
            self._parts.tracker.wake(self._name)
            return "The trial runs again."

        words = "The same hyperparameters; what it reported before is replaced."
        question("Run this trial again?", words, "Run it again", again, self.refresh)

    def _ask_register(self) -> None:
        ask_register(self._parts, self._name, self._number, "completed", self.refresh)


def _facts(loaded: Loaded) -> dict[str, str]:
    trial, best = loaded.trial, loaded.sweep.best_trial
    leads = ", the best" if best is not None and best.number == trial.number else ""
    objective = formats.number(trial.objective_value)
    found = {
        loaded.primary_metric: f"{objective}{leads}" if objective else trial.objective_status,
        "Last value": formats.number(trial.last_value),
        "Attempt": str(trial.attempt),
        "Queued": formats.age(trial.queued_at),
        "Started": formats.age(trial.started_at),
        "Took": formats.duration(trial.duration_seconds),
        "Exit code": "" if trial.exit_code is None else str(trial.exit_code),
        "Backend's run": trial.provider_run_id or "",
        "Backend's status": trial.provider_status or "",
        "Failed alike": _alike(loaded),
    }
    return {name: value for name, value in found.items() if value}


def _alike(loaded: Loaded) -> str:
    for group in loaded.sweep.failures:
        if group.fingerprint == loaded.trial.fingerprint:
            return f"{group.count} trials, {', '.join(map(str, group.trials))} among them"
    return ""


def _ledger(decisions: Sequence[Decision]) -> str:
    if not decisions:
        return "<p>Early termination has not judged this trial.</p>"
    head = ("Report", "Verdict", "Value", "Threshold", "Compared with", "Reason")
    rows = [
        (
            str(each.interval),
            escape(each.verdict + (", too late" if each.too_late else "")),
            escape(formats.number(each.value)),
            escape(formats.number(each.threshold)),
            escape(compared(each)),
            escape(each.reason),
        )
        for each in reversed(decisions[-_DECISIONS:])
    ]
    return table("Decisions of early termination, the newest first", head, rows)
