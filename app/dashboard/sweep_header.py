"""The head of a sweep's page: where it stands, how fresh that is, what is odd about it."""

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from app.dashboard import formats
from app.dashboard.frame import heading
from app.sweep.document import expected_trials
from app.sweep.record import SweepRecord


class SweepHeader:
    """Name, state, progress, facts, warnings of one page."""

    def __init__(self, sweep: SweepRecord) -> None:
        """Lay it out for that sweep."""
        document: Any = sweep.document
        with ui.element("div").classes("sf-row"):
            heading(sweep.name, 1)
            self._status = ui.html(sanitize=False)
            ui.element("div").classes("sf-space")
            self._studio = ui.link("Azure ML studio", "", new_tab=True)
        for words in (document.get("display_name"), document.get("description")):
            if words:
                ui.label(words).classes("sf-muted")
        self._progress = ui.html(sanitize=False)
        self._counts = ui.label().props('role="status"')
        self._facts = ui.element("dl").classes("sf-facts")
        self._notes = ui.element("div")
        self._shown: Mapping[str, str] = {}
        self._said: list[str] = []

    def show(self, sweep: SweepRecord, seconds_left: float | None) -> None:
        """The sweep as it is now."""
        expected = expected_trials(sweep.document)
        self._status.set_content(formats.badge(sweep.status))
        self._progress.set_content(formats.progress(sweep.trial_counts, expected))
        ended = sum(n for status, n in sweep.trial_counts.items() if status.finished)
        counts = formats.counts(sweep.trial_counts) or "none drawn yet"
        self._counts.set_text(f"{ended} of {max(expected, ended)} trials ended: {counts}")
        self._studio.set_visibility(bool(sweep.provider_url))
        self._studio.props(f'href="{sweep.provider_url or ""}"')
        self._show_facts(_facts(sweep, seconds_left), sweep)
        self._show_notes(_notes(sweep))

    def _show_facts(self, facts: Mapping[str, str], sweep: SweepRecord) -> None:
        if facts == self._shown:
            return
        self._shown = facts
        self._facts.clear()
        with self._facts:
            for name, value in facts.items():
                with ui.element("div"):
                    ui.html(name, tag="dt", sanitize=False)
                    with ui.element("dd"):
                        if name == "Best trial" and sweep.best_trial:
                            number = sweep.best_trial.number
                            ui.link(value, f"/sweeps/{sweep.name}/trials/{number}")
                        else:
                            ui.label(value)

    def _show_notes(self, notes: list[str]) -> None:
        if notes == self._said:
            return
        self._said = notes
        self._notes.clear()
        with self._notes:
            for words in notes:
                ui.label(words).classes("sf-warning")


def _facts(sweep: SweepRecord, seconds_left: float | None) -> dict[str, str]:
    document: Any = sweep.document
    objective, limits = document["objective"], document["limits"]
    best = sweep.best_trial
    found = {
        "Objective": f"{objective['goal']} {objective['primary_metric']}",
        "Best trial": f"{best.number}: {formats.number(best.objective_value)}"
        if best
        else "none yet",
        "Started": formats.age(sweep.started_at) or "not yet",
        "Took": formats.between(sweep.started_at, sweep.finished_at),
        "Time left": f"about {formats.duration(seconds_left)}" if seconds_left is not None else "",
        "Backend": f"{sweep.backend}: {sweep.provider_status or 'not asked yet'}",
        "Last heard": formats.age(sweep.last_synced_at) or "not yet",
        "Sampling": formats.kind(document["sampling_algorithm"]),
        "Early termination": formats.kind(document.get("early_termination")),
        "At once": str(limits.get("max_concurrent_trials", "")),
        "Experiment": document["experiment_name"],
        "Tags": ", ".join(f"{key}: {value}" for key, value in document.get("tags", {}).items()),
    }
    return {name: value for name, value in found.items() if value}


def _notes(sweep: SweepRecord) -> list[str]:
    notes = [f"Out of touch with the backend: {sweep.sync_error}"] if sweep.sync_error else []
    if sweep.status_reason:
        notes.append(sweep.status_reason)
    notes += [
        f"{group.count} failed alike (trials {', '.join(map(str, group.trials))}): {group.message}"
        for group in sweep.failures
    ]
    return notes + list(sweep.warnings)
