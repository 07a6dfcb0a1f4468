"""What an empty list shows: how to submit the first sweep, and a button that does it."""

from fastapi import Request
from nicegui import ui

from app.dashboard.frame import ask, heading, parts
from app.dashboard.submitting import submitted
from app.sweep.errors import InvalidDocumentError, SweepfrontError
from app.sweep.examples import SEED


def invite(request: Request) -> None:
    """How a first sweep comes to be."""
    service = parts(request)
    address = str(request.base_url).rstrip("/").removesuffix("/dashboard")

    async def run() -> None:
        try:
            name = await ask(submitted, service, SEED)
        except InvalidDocumentError as error:
            ui.notify(
                "; ".join(f"{each.pointer}: {each.message}" for each in error.errors),
                type="negative",
            )
        except SweepfrontError as error:
            ui.notify(error.message, type="negative")
        else:
            ui.navigate.to(f"/sweeps/{name}")

    with ui.element("section").classes("sf-card"):
        heading("No sweeps yet")
        ui.label(
            "A sweep is a document: a command, a search space, a sampling algorithm, an objective "
            "and limits. The example tunes a BaggingRegressor on the strength of concrete; its "
            "four trials take some seconds."
        )
        with ui.element("div").classes("sf-row"):
            ui.button("Run the example", on_click=run).props("no-caps")
            ui.link("Write a document", "/new")
        ui.label("Or from a shell, in the repository's folder:").classes("sf-muted")
        ui.label(
            f"curl -s {address}/v1/sweeps -H 'Content-Type: application/yaml' "
            "--data-binary @examples/concrete.yaml"
        ).classes("sf-log")
