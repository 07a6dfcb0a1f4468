"""/dashboard/models: registered models, their versions, and where each came from."""

from collections.abc import Mapping, Sequence
from html import escape

from fastapi import Request
from nicegui import ui

from app.dashboard import formats
from app.dashboard.frame import api_root, ask, frame, heading, page, parts, root
from app.dashboard.lineage import champion, of_this
from app.dashboard.markup import link, table
from app.dashboard.model_version import gate_in_words, show_version, sweep_link, trial_link
from app.store import models, sweeps
from app.store.database import Database
from app.store.models import ModelSummary
from app.store.paging import Page
from app.sweep.record import ModelVersion, SweepRecord

MOST = 200
"""Models, and versions of one, that a page shows; the API has them all."""
_CHAMPION = (
    "of the versions chosen by the same metric and goal as the newest, the one with the best value"
)
_NEWEST = "registered last; a gate compares a trial with it"


@page
async def show(request: Request) -> None:
    """All models by name."""
    state = parts(request)
    with frame(request, "Models"):
        heading("Models", 1)
        found = await ask(models.page_models, state.db, limit=MOST)
        if not found.items:
            _invite(str(request.base_url).rstrip("/").removesuffix("/dashboard"))
            return
        newest = [each.latest.sweep for each in found.items]
        known = await ask(sweeps.among, state.db, newest)
        with ui.element("section").classes("sf-card sf-scroll"):
            rows = [_model_row(root(request), each, known) for each in found.items]
            head = ("Model", "Versions", "Newest", "Its value", "Sweep", "Trial", "Registered")
            ui.html(table("Models", head, rows), sanitize=False)
            if found.next_cursor:
                ui.label(f"The first {MOST} are shown; GET /v1/models lists all.")


@page
async def show_one(request: Request, model: str, version: int = 0) -> None:
    """The versions of one model, the newest first, and what is known of one: the champion if 0."""
    state = parts(request)
    with frame(request, model):
        found, known = await ask(_versions, state.db, model)
        best = champion(found.items)
        number = version or (best or found.items[0]).version
        chosen = await ask(models.get, state.db, model, number)
        heading(model, 1)
        with ui.element("section").classes("sf-card"):
            heading("Versions")
            _legend()
            rows = [_row(request, found.items[0], best, each, known) for each in found.items]
            head = ("Version", "Value", "Goal", "Sweep", "Trial", "Registered", "File", "Gate")
            with ui.element("div").classes("sf-scroll"):
                ui.html(table(f"Versions of {model}", head, rows), sanitize=False)
            if found.next_cursor:
                ui.label(f"The newest {MOST} are shown; GET /v1/models/{model} lists all.")
        if chosen.sweep not in known:
            known = await ask(sweeps.among, state.db, [chosen.sweep])
        show_version(request, chosen, known.get(chosen.sweep))


def _versions(db: Database, model: str) -> tuple[Page[ModelVersion], Mapping[str, SweepRecord]]:
    """The newest versions, and those of their sweeps that have not been purged."""
    found = models.page_versions(db, model, limit=MOST)
    return found, sweeps.among(db, {each.sweep for each in found.items})


def _invite(address: str) -> None:
    with ui.element("section").classes("sf-card sf-head"):
        heading("No model is registered yet")
        ui.label(
            "Open a sweep that has a best trial, or a completed trial, and press “Register model”. "
            "The file that the trial left, with its lineage, becomes the next version of a model."
        )
        ui.label("Or from a shell, for the best trial of the sweep NAME:").classes("sf-muted")
        ui.label(f"curl -X POST {address}/v1/sweeps/NAME/register").classes("sf-log")


def _legend() -> None:
    ui.label(f"Champion: {_CHAMPION}. Newest: {_NEWEST}.").classes("sf-muted")


def _model_row(base: str, model: ModelSummary, known: Mapping[str, SweepRecord]) -> Sequence[str]:
    newest = model.latest
    sweep = known.get(newest.sweep)
    there = sweep if of_this(newest, sweep) else None
    return (
        link(f"{base}/models/{model.name}", model.name),
        str(model.versions),
        str(newest.version),
        escape(f"{newest.primary_metric} {formats.number(newest.value)}"),
        sweep_link(base, newest, there),
        trial_link(base, newest, there),
        escape(formats.age(newest.created_at)),
    )


def _row(
    request: Request,
    newest: ModelVersion,
    best: ModelVersion | None,
    version: ModelVersion,
    known: Mapping[str, SweepRecord],
) -> Sequence[str]:
    base = root(request)
    sweep = known.get(version.sweep)
    there = sweep if of_this(version, sweep) else None
    marks = {
        "champion": (best is not None and version.version == best.version, _CHAMPION),
        "newest": (version.version == newest.version, _NEWEST),
    }
    calls = f"{api_root(request)}/v1/models/{version.model_name}/versions/{version.version}"
    number = link(
        f"{base}/models/{version.model_name}?version={version.version}",
        str(version.version),
        label=f"Version {version.version}",
    )
    badges = [
        f'<span class="sf-badge" data-status="{name}" title="{escape(why)}">{name}</span>'
        for name, (given, why) in marks.items()
        if given
    ]
    return (
        " ".join([number, *badges]),
        escape(f"{version.primary_metric} {formats.number(version.value)}"),
        escape(version.goal),
        sweep_link(base, version, there),
        trial_link(base, version, there),
        escape(formats.age(version.created_at)),
        link(
            f"{calls}/download",
            version.artifact_path,
            download=True,
            label=f"Download version {version.version}",
        ),
        escape(gate_in_words(version)),
    )
