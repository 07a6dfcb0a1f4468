"""/dashboard/models: registered models, their versions, and where each came from."""

from collections.abc import Mapping, Sequence
from html import escape

from fastapi import Request
from nicegui import ui

from app.dashboard import formats
from app.dashboard.frame import api_root, ask, frame, heading, page, parts, root
from app.dashboard.markup import facts, link, table
from app.store import models, sweeps
from app.store.database import Database
from app.store.models import ModelSummary
from app.sweep.errors import NotFoundError
from app.sweep.record import ModelVersion, SweepRecord
from app.sweep.state import better

MOST = 200
"""Models, and versions of one, that a page shows; the API has them all."""
_LINEAGE = "sweepfront."
"""What tags begin with that say again what the page shows."""
_HINT = (
    "A sweep's best trial becomes a model by the button “Register model” on the sweep's page, or by "
    "POST /v1/sweeps/NAME/register."
)


@page
async def show(request: Request) -> None:
    """All models by name."""
    state = parts(request)
    with frame(request, "Models"):
        heading("Models", 1)
        found = await ask(models.page_models, state.db, limit=MOST)
        with ui.element("section").classes("sf-card sf-scroll"):
            if not found.items:
                ui.label(f"No model is registered yet. {_HINT}")
                return
            base = root(request)
            rows = [_model_row(base, each) for each in found.items]
            head = ("Model", "Versions", "Newest", "Objective", "From", "Registered")
            ui.html(table("Models", head, rows), sanitize=False)
        if found.next_cursor:
            ui.label(f"The first {MOST} are shown; GET /v1/models lists all.")


@page
async def show_one(request: Request, model: str) -> None:
    """The versions of one model, the newest first."""
    state = parts(request)
    with frame(request, model):
        found = await ask(models.page_versions, state.db, model, limit=MOST)
        known = await ask(_sweeps_of, state.db, found.items)
        heading(model, 1)
        best = champion(found.items)
        with ui.element("section").classes("sf-card"):
            heading("Versions")
            ui.label(
                "★ champion: of the versions chosen by the newest one's metric, the best value."
            ).classes("sf-muted")
            rows = [_version_row(request, each, best, known) for each in found.items]
            head = ("Version", "Objective", "Sweep and trial", "Registered", "File", "Gate")
            with ui.element("div").classes("sf-scroll"):
                ui.html(table(f"Versions of {model}", head, rows), sanitize=False)
        for version in found.items[:1] if best is None else [best]:
            _lineage(version, known.get(version.sweep))


def champion(versions: Sequence[ModelVersion]) -> ModelVersion | None:
    """The best of the versions that were chosen as the newest one was; ties go to the newer.

    Args:
        versions: the newest first.
    """
    best: ModelVersion | None = None
    for each in versions:
        same = (each.primary_metric, each.goal) == (versions[0].primary_metric, versions[0].goal)
        if same and (best is None or better(each.value, best.value, each.goal)):
            best = each
    return best


def _sweeps_of(db: Database, versions: Sequence[ModelVersion]) -> dict[str, SweepRecord]:
    """Those of their sweeps that have not been purged."""
    found = {}
    for name in {each.sweep for each in versions}:
        try:
            found[name] = sweeps.get(db, name)
        except NotFoundError:
            continue
    return found


def _model_row(base: str, model: ModelSummary) -> Sequence[str]:
    newest = model.latest
    return (
        link(f"{base}/models/{model.name}", model.name),
        str(model.versions),
        str(newest.version),
        escape(_objective(newest)),
        link(f"{base}/sweeps/{newest.sweep}", newest.sweep),
        escape(formats.age(newest.created_at)),
    )


def _version_row(
    request: Request,
    version: ModelVersion,
    best: ModelVersion | None,
    known: Mapping[str, SweepRecord],
) -> Sequence[str]:
    mark = "★ " if best is not None and version.version == best.version else ""
    title = ' title="champion"' if mark else ""
    calls = f"{api_root(request)}/v1/models/{version.model_name}/versions/{version.version}"
    return (
        f"<span{title}>{mark}{version.version}</span>",
        escape(_objective(version)),
        _origin(request, version, known),
        escape(formats.age(version.created_at)),
        link(
            f"{calls}/download",
            version.artifact_path,
            download=True,
            label=f"Download version {version.version}",
        ),
        escape(_gate(version)),
    )


def _origin(request: Request, version: ModelVersion, known: Mapping[str, SweepRecord]) -> str:
    words = f"{version.sweep}, trial {version.trial}"
    if version.sweep not in known:
        return escape(f"{words} (purged)")
    return link(f"{root(request)}/sweeps/{version.sweep}/trials/{version.trial}", words)


def _objective(version: ModelVersion) -> str:
    return f"{version.primary_metric} {formats.number(version.value)}"


def _gate(version: ModelVersion) -> str:
    gate = version.gate
    if gate is None:
        return "none"
    improvement = gate.get("improvement")
    if isinstance(improvement, int | float):
        return (
            f"passed: better by {formats.number(float(improvement))} than version {gate['version']}"
        )
    return "passed"


def _lineage(version: ModelVersion, sweep: SweepRecord | None) -> None:
    with ui.element("section").classes("sf-card sf-head"):
        heading(f"Where version {version.version} came from")
        path = [
            f"{version.model_name} version {version.version}",
            f"trial {version.trial}",
            f"sweep {version.sweep}",
        ]
        if sweep is not None and sweep.code:
            path.append(f"code {sweep.code[:12]}")
        ui.label(" ← ".join(path))
        drawn = {name: formats.scalar(value) for name, value in version.parameters.items()}
        measured = {name: formats.number(value) for name, value in version.metrics.items()}
        records = {
            "Backend": version.backend,
            "SHA-256 of the file": version.sha256 or "",
            "SHA-256 of the document": sweep.document_hash if sweep else "",
            "Description": version.description or "",
            **{key: value for key, value in version.tags.items() if not key.startswith(_LINEAGE)},
        }
        for found in (drawn, measured, {name: value for name, value in records.items() if value}):
            ui.html(facts(found), sanitize=False)
