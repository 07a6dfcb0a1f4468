"""One model version: the way back to its document, what it was drawn and measured with, its file."""

import json
from collections.abc import Mapping
from html import escape

from fastapi import Request
from nicegui import ui

from app.dashboard import formats
from app.dashboard.frame import api_root, heading, root
from app.dashboard.lineage import document_hash, of_this
from app.dashboard.markup import facts, link
from app.sweep.record import ModelVersion, SweepRecord

_LINEAGE = "sweepfront."
"""What tags begin with that say again what the page shows."""
_SHORT = 12
_COMPARED = {
    "version": "Newest version then",
    "version_value": "Its value",
    "value": "Value",
    "improvement": "Better by",
    "min_improvement": "At least",
}


def show_version(request: Request, version: ModelVersion, sweep: SweepRecord | None) -> None:
    """Lay out what is known of a version.

    Args:
        request: of the page.
        version: the version.
        sweep: what has its sweep's name now, if anything has.
    """
    there = sweep if of_this(version, sweep) else None
    name = f"{version.model_name} version {version.version}"
    with ui.element("section").classes("sf-card sf-head"):
        heading(f"Version {version.version}")
        if version.description:
            ui.label(version.description)
        ui.html(_lineage(root(request), version, there), sanitize=False).classes("sf-lineage")
        calls = f"{api_root(request)}/v1/models/{version.model_name}/versions/{version.version}"
        file = f"Download {version.artifact_path}"
        ui.html(
            link(f"{calls}/download", file, download=True, label=f"{file} of {name}"),
            sanitize=False,
        )
        drawn = {key: formats.scalar(value) for key, value in version.parameters.items()}
        measured = {key: formats.number(value) for key, value in sorted(version.metrics.items())}
        _listed("Hyperparameters", drawn)
        _listed("Metrics of the trial", measured)
        _listed("Gate", _gate(version.gate))
        _listed("Tags", {k: v for k, v in version.tags.items() if not k.startswith(_LINEAGE)})
        _listed("Record", _record(version, there))


def sweep_link(base: str, version: ModelVersion, sweep: SweepRecord | None) -> str:
    """Markup of the version's sweep; one that is gone is named."""
    if sweep is None:
        return escape(f"{version.sweep} (purged)")
    return link(f"{base}/sweeps/{version.sweep}", version.sweep)


def trial_link(base: str, version: ModelVersion, sweep: SweepRecord | None) -> str:
    """Markup of the version's trial; one whose sweep is gone is named."""
    words = f"trial {version.trial}"
    if sweep is None:
        return escape(words)
    label = f"Trial {version.trial} of {version.sweep}"
    return link(f"{base}/sweeps/{version.sweep}/trials/{version.trial}", words, label=label)


def gate_in_words(version: ModelVersion) -> str:
    """What the gate said when it let the version pass."""
    gate = version.gate
    if gate is None:
        return "none"
    better = gate.get("improvement")
    if isinstance(better, int | float):
        figure = formats.number(float(better))
        return f"passed: better by {figure} than version {gate['version']}"
    return "passed" if gate.get("guards") else "passed: the first version"


def _lineage(base: str, version: ModelVersion, sweep: SweepRecord | None) -> str:
    steps = [
        escape(f"{version.model_name} version {version.version}"),
        trial_link(base, version, sweep),
        f"sweep {sweep_link(base, version, sweep)}",
    ]
    if found := document_hash(version):
        steps.append(f'document <code title="{escape(found)}">{escape(found[:_SHORT])}</code>')
    if sweep is not None and sweep.code:
        code = sweep.code
        steps.append(f'code <code title="{escape(code)}">{escape(code[:_SHORT])}</code>')
    items = "".join(f"<li>{each}</li>" for each in steps)
    return f'<ol aria-label="Lineage">{items}</ol>'


def _gate(gate: Mapping[str, object] | None) -> dict[str, str]:
    if gate is None:
        return {}
    found = {words: formats.scalar(gate[key]) for key, words in _COMPARED.items() if key in gate}
    if gate.get("guards"):
        found["Guards"] = json.dumps(gate["guards"])
    return found


def _record(version: ModelVersion, sweep: SweepRecord | None) -> dict[str, str]:
    found = {
        "Registered": version.created_at.isoformat(sep=" ", timespec="seconds"),
        "Backend": version.backend,
        "Type": version.type,
        "SHA-256 of the file": version.sha256 or "",
        "SHA-256 of the document": document_hash(version),
        "Code": (sweep.code or "") if sweep else "",
    }
    return {name: words for name, words in found.items() if words}


def _listed(title: str, found: Mapping[str, str]) -> None:
    if found:
        ui.html(f"<h3>{escape(title)}</h3>{facts(found)}", sanitize=False)
