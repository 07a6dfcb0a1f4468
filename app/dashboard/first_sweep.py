"""What an empty list shows: how to submit the first sweep, and a button that does it."""

import json
import secrets

from nicegui import ui

from app.dashboard.frame import ask, heading
from app.parts import State
from app.services.submit import submit
from app.sweep.errors import InvalidDocumentError, SweepfrontError
from app.sweep.examples import SEED


def invite(parts: State, root: str) -> None:
    """How a first sweep comes to be."""

    async def run() -> None:
        try:
            record, _ = await ask(
                submit,
                parts.db,
                parts.backends,
                parts.code,
                SEED,
                default_backend=parts.settings.default_backend,
                idempotency_key=None,
                request_id=f"dashboard-{secrets.token_hex(8)}",
            )
        except InvalidDocumentError as error:
            ui.notify(
                "; ".join(f"{each.pointer}: {each.message}" for each in error.errors),
                type="negative",
            )
        except SweepfrontError as error:
            ui.notify(error.message, type="negative")
        else:
            parts.tracker.wake(record.name)
            ui.navigate.to(f"{root}/sweeps/{record.name}")

    with ui.element("section").classes("sf-card"):
        heading("No sweeps yet")
        ui.label(
            "A sweep is a document: a command, a search space, a sampling algorithm, an objective "
            "and limits. The example tunes a BaggingRegressor on the strength of concrete; its "
            "four trials take some seconds."
        )
        with ui.element("div").classes("sf-row"):
            ui.button("Run the example", on_click=run).props("no-caps")
            ui.link("Write a document", f"{root}/new")
        ui.label("Or from a shell, in the repository's folder:").classes("sf-muted")
        command = (
            f"curl -s URL/v1/sweeps -H 'Content-Type: application/json' -d '{json.dumps(SEED)}'"
        )
        ui.code(command.replace("URL", "http://127.0.0.1:8000"), language="bash")
