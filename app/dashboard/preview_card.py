"""What would happen to a document: its space, its first trials, how long it may take."""

import json
from html import escape

from nicegui import ui

from app.dashboard import formats, markup
from app.dashboard.frame import heading
from app.dashboard.judging import Foreseen
from app.services.preview import Estimate, Preview


class PreviewCard:
    """The card of one open page; it keeps its last preview while the document has faults."""

    def __init__(self) -> None:
        """Place the card here, empty."""
        with ui.element("section").classes("sf-card").props('aria-label="Preview"') as self._card:
            heading("Preview")
            self._stale = ui.label("Of the document as it was before its faults.")
            self._stale.classes("sf-muted").set_visibility(False)
            self._facts = ui.html(sanitize=False)
            self._warnings = ui.html(sanitize=False)
            region = ui.element("div").classes("sf-scroll")
            with region.props('tabindex=0 role=region aria-label="First trials"'):
                self._trials = ui.html(sanitize=False)
            self._note = ui.label().classes("sf-muted")
            with ui.element("details") as self._azure:
                ui.html("What Azure ML is sent", tag="summary", sanitize=False)
                self._request = ui.label().classes("sf-log")
                self._request.props('tabindex=0 role=region aria-label="What Azure ML is sent"')
        self._card.set_visibility(False)

    def show(self, foreseen: Foreseen) -> None:
        """Tell what would happen."""
        found = foreseen.preview
        self._facts.set_content(markup.facts(facts(found)))
        notes = [*found.warnings]
        if foreseen.known:
            notes.append(
                f"a sweep named {found.document.name} is there already: the same document leads "
                "to it, another one is refused; choose another name"
            )
        self._warnings.set_content(
            "".join(f'<p class="sf-warning">{escape(note)}</p>' for note in notes)
        )
        self._trials.set_content(trials(found))
        self._note.set_text(_note(foreseen))
        self._azure.set_visibility(found.document.backend == "azureml")
        self._request.set_text(json.dumps(found.azure_request, indent=2))
        self._stale.set_visibility(False)
        self._card.set_visibility(True)

    def outdate(self) -> None:
        """Say that the document has changed since and cannot be previewed."""
        self._stale.set_visibility(True)


def facts(found: Preview) -> dict[str, str]:
    """What is known of the whole sweep."""
    document, limits = found.document, found.document.limits
    known = {
        "Runs on": str(document.backend),
        "Sampling": document.sampling_algorithm.type,
        "Objective": f"{document.objective.goal} {document.objective.primary_metric}",
        "Trials at most": f"{limits.max_total_trials}, {limits.max_concurrent_trials} at once",
        "Points in the space": (
            "without end, or not counted" if found.cardinality is None else f"{found.cardinality:,}"
        ),
    }
    if found.allowance is not None:
        known["Allowed by constraints"] = f"{100 * found.allowance.fraction:.3g} %"
    if found.estimate is not None:
        known |= _durations(found.estimate)
    return known


def trials(found: Preview) -> str:
    """The first trials as a table: number, hyperparameters, command."""
    names = list(dict.fromkeys(name for trial in found.trials for name in trial.parameters))
    rows = [
        [
            str(trial.number),
            *(escape(formats.scalar(trial.parameters.get(name, ""))) for name in names),
            f"<code>{escape(trial.command)}</code>",
        ]
        for trial in found.trials
    ]
    return markup.table("First trials", ["Trial", *map(escape, names), "Command"], rows)


def _note(foreseen: Foreseen) -> str:
    """How far the first trials can be relied upon."""
    found, notes = foreseen.preview, []
    if found.foretold is not None and found.foretold < found.document.limits.max_total_trials:
        notes.append(f"Trials from number {found.foretold} on depend on the results before them.")
    if not foreseen.seeded:
        notes.append(
            "The document gives no seed, so the sweep will draw trials of its own; these are an "
            "example. With sampling_algorithm.seed they are foretold."
        )
    return " ".join(notes)


def _durations(estimate: Estimate) -> dict[str, str]:
    of_trial, of_sweep = (
        f"{formats.duration(range_.likely)} "
        f"({formats.duration(range_.low)} to {formats.duration(range_.high)})"
        for range_ in (estimate.trial_seconds, estimate.sweep_seconds)
    )
    return {
        "One trial takes": of_trial,
        "The sweep takes": of_sweep,
        "Judged by": f"{estimate.trials} earlier trials",
    }
