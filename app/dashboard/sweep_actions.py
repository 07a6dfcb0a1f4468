"""What can be done to a sweep from its page; whatever changes something asks first."""

from nicegui import ui

from app.access.callers import Role
from app.dashboard.question import Done, action, question
from app.dashboard.register_question import ask_register
from app.parts import State
from app.services.resume import RaisedLimits, ResumeRequest, resume
from app.store import sweeps
from app.sweep.record import SweepRecord


class SweepActions:
    """The buttons of a sweep's page: those that its state allows are shown."""

    def __init__(self, parts: State, name: str, done: Done) -> None:
        """Lay them out; `done` is called after something was changed."""
        self._parts, self._name, self._done = parts, name, done
        with ui.element("div").classes("sf-row"):
            self._cancel = action("Cancel", "stop_circle", self._ask_cancel)
            self._resume = action("Resume", "play_circle", self._ask_resume)
            self._register = action("Register model", "workspace_premium", self._ask_register)
            self._repeat = action("Repeat", "replay", self._go_repeat)

    def show(self, sweep: SweepRecord) -> None:
        """Offer what its state and the caller's role allow."""
        caller = self._parts.caller
        operator = caller.may(Role.OPERATOR, sweep.project)
        live = not sweep.status.finished and sweep.status != "canceling"
        self._cancel.set_visibility(operator and live)
        self._resume.set_visibility(operator and sweep.status.finished and sweep.backend == "local")
        registrar = caller.may(Role.REGISTRAR, sweep.project)
        self._register.set_visibility(registrar and sweep.best_trial is not None)
        self._sweep = sweep

    def _go_repeat(self) -> None:
        ui.navigate.to(f"/new?from={self._name}")

    def _ask_cancel(self) -> None:
        def cancel() -> str:
            sweeps.request_cancel(self._parts.db, self._name)
            self._parts.attendant.wake(self._name)
            return "The sweep is about to end."

        words = "Its running trials are stopped; what they logged stays."
        question("Cancel this sweep?", words, "Cancel the sweep", cancel, self._done)

    def _ask_resume(self) -> None:
        limits = self._limits()

        def go_on() -> str:
            raised = RaisedLimits(max_total_trials=int(total.value) if total.value else None)
            resume(
                self._parts.db,
                self._parts.backends,
                self._name,
                ResumeRequest(limits=raised),
                self._parts.settings.quotas,
            )
            self._parts.attendant.wake(self._name)
            return "The sweep goes on."

        words = "No finished trial runs again."
        with question("Resume this sweep?", words, "Resume the sweep", go_on, self._done):
            total = ui.number("Trials in all", value=limits, min=1, precision=0).props(
                "outlined dense"
            )

    def _ask_register(self) -> None:
        best = self._sweep.best_trial
        number = best.number if best else None

        ask_register(self._parts, self._name, number, "the best so far", self._done)

    def _limits(self) -> int:
        limits = self._sweep.document["limits"]
        return int(limits["max_total_trials"]) if isinstance(limits, dict) else 1
