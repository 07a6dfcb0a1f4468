"""What can be done to a sweep from its page; whatever changes something asks first."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from app.dashboard.frame import ask
from app.parts import State
from app.services.register import RegisterRequest, register
from app.services.resume import RaisedLimits, ResumeRequest, resume
from app.store import sweeps
from app.sweep.errors import InvalidDocumentError, SweepfrontError
from app.sweep.record import SweepRecord

Done = Callable[[], Awaitable[None]]


class SweepActions:
    """The buttons of a sweep's page: those that its state allows are shown."""

    def __init__(self, parts: State, name: str, done: Done) -> None:
        """Lay them out; `done` is called after something was changed."""
        self._parts, self._name, self._done = parts, name, done
        with ui.element("div").classes("sf-row"):
            self._cancel = self._button("Cancel", "stop_circle", self._ask_cancel)
            self._resume = self._button("Resume", "play_circle", self._ask_resume)
            self._register = self._button("Register model", "workspace_premium", self._ask_register)
            self._repeat = self._button("Repeat", "replay", self._go_repeat)

    def show(self, sweep: SweepRecord) -> None:
        """Offer what its state allows."""
        self._cancel.set_visibility(not sweep.status.finished and sweep.status != "canceling")
        self._resume.set_visibility(sweep.status.finished and sweep.backend == "local")
        self._register.set_visibility(sweep.best_trial is not None)
        self._sweep = sweep

    @staticmethod
    def _button(words: str, icon: str, call: Callable[[], object]) -> ui.button:
        return ui.button(words, icon=icon, on_click=call).props(
            "outline dense no-caps padding='4px 12px'"
        )

    def _go_repeat(self) -> None:
        ui.navigate.to(f"/new?from={self._name}")

    def _ask_cancel(self) -> None:
        def cancel() -> str:
            sweeps.request_cancel(self._parts.db, self._name)
            self._parts.tracker.wake(self._name)
            return "The sweep is about to end."

        words = "Its running trials are stopped; what they logged stays."
        self._dialog("Cancel this sweep?", words, "Cancel the sweep", cancel)

    def _ask_resume(self) -> None:
        limits = self._limits()

        def go_on() -> str:
            raised = RaisedLimits(max_total_trials=int(total.value) if total.value else None)
            resume(self._parts.db, self._parts.backends, self._name, ResumeRequest(limits=raised))
            self._parts.tracker.wake(self._name)
            return "The sweep goes on."

        words = "No finished trial runs again."
        with self._dialog("Resume this sweep?", words, "Resume the sweep", go_on):
            total = ui.number("Trials in all", value=limits, min=1, precision=0).props(
                "outlined dense"
            )

    def _ask_register(self) -> None:
        best = self._sweep.best_trial
        number = best.number if best else None

        def promote() -> str:
            request = RegisterRequest(model_name=str(model.value).strip())
            version, fresh = register(self._parts.db, self._parts.backends, self._name, request)
            words = "registered" if fresh else "was registered before"
            return f"{version.model_name} version {version.version} {words}."

        words = f"Trial {number}, the best so far, becomes the model's next version."
        with self._dialog("Register the best model?", words, "Register", promote):
            model = ui.input("Model", value="final_model").props("outlined dense")

    def _limits(self) -> int:
        limits = self._sweep.document["limits"]
        return int(limits["max_total_trials"]) if isinstance(limits, dict) else 1

    def _dialog(self, title: str, words: str, verb: str, call: Callable[[], str]) -> ui.element:
        """A question with room for fields; `call` does what was confirmed and says so."""

        async def confirm() -> None:
            try:
                said = await ask(call)
            except InvalidDocumentError as error:
                problem.set_text("; ".join(fault.message for fault in error.errors))
                return
            except (SweepfrontError, ValueError) as error:
                problem.set_text(getattr(error, "message", str(error)))
                return
            dialog.close()
            ui.notify(said, type="positive")
            await self._done()

        with (
            ui.dialog(value=True) as dialog,
            ui.card().props(f'role="dialog" aria-label="{title}"'),
        ):
            ui.label(title).classes("text-h6")
            ui.label(words)
            room = ui.column()
            problem = ui.label().classes("text-negative").props('role="alert"')
            with ui.row():
                ui.button(verb, on_click=confirm).props("no-caps")
                ui.button("Not now", on_click=dialog.close).props("flat no-caps")
        dialog.on("hide", dialog.delete)
        return room
