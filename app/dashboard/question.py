"""The question before something is changed: what it means, a verb, and a way out."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from app.dashboard.frame import ask
from app.sweep.errors import InvalidDocumentError, SweepfrontError

Done = Callable[[], Awaitable[None]]


def action(words: str, icon: str, call: Callable[[], object]) -> ui.button:
    """A button that begins an action."""
    button = ui.button(words, icon=icon, on_click=call)
    return button.props("outline dense no-caps padding='4px 12px'")


def question(title: str, words: str, verb: str, call: Callable[[], str], done: Done) -> ui.element:
    """Ask, and do it if it is confirmed; a refusal is shown and nothing else happens.

    Args:
        title: the question.
        words: what it means.
        verb: of the button that confirms.
        call: does it, in a thread, and says what was done.
        done: called after it was.

    Returns:
        A place for fields.
    """

    async def confirm() -> None:
        try:
            said = await ask(call)
        except InvalidDocumentError as error:
            problem.set_text("; ".join(fault.message for fault in error.errors))
            return
        except (SweepfrontError, ValueError) as error:
            problem.set_text(error.message if isinstance(error, SweepfrontError) else str(error))
            return
        dialog.close()
        ui.notify(said, type="positive")
        await done()

    with ui.dialog(value=True) as dialog, ui.card().props(f'role="dialog" aria-label="{title}"'):
        ui.label(title).classes("text-h6")
        ui.label(words)
        room = ui.column()
        problem = ui.label().classes("text-negative").props('role="alert"')
        with ui.row():
            ui.button(verb, on_click=confirm).props("no-caps")
            ui.button("Not now", on_click=dialog.close).props("flat no-caps")
    dialog.on("hide", dialog.delete)
    return room
