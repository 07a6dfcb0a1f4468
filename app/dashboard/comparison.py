"""Sweeps beside each other: what each came to."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from typing import Any

from app.dashboard import formats, markup
from app.dashboard.best_lines import BestPoint, best_line
from app.dashboard.charts.look import axes_of
from app.services.views import ViewOptions, Views
from app.store import sweeps
from app.store.database import Database
from app.sweep.document import expected_trials
from app.sweep.errors import NotFoundError
from app.sweep.record import SweepRecord
from app.sweep.state import loss
from app.views.shape import Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A sweep with the line of its best value, and the axes that the line is drawn on."""

    record: SweepRecord
    line: Sequence[BestPoint]
    axes: Mapping[str, Axis]

    @property
    def objective(self) -> str:
        """What it optimises; values of different objectives are not compared."""
        objective = _document(self.record)["objective"]
        return f"{objective['goal']} {objective['primary_metric']}"


def compared(db: Database, views: Views, names: Sequence[str]) -> dict[str, Compared]:
    """The sweeps of those names as they are now, in that order; names of none are passed over."""
    found = {}
    for name in names:
        with suppress(NotFoundError):
            record = sweeps.get(db, name)
            history = views.view(name, "history", ViewOptions())
            found[name] = Compared(record=record, line=best_line(history), axes=axes_of(history))
    return found


def by_objective(found: Sequence[Compared]) -> dict[str, list[Compared]]:
    """The sweeps whose values can be compared with each other, put together."""
    groups: dict[str, list[Compared]] = {}
    for each in found:
        groups.setdefault(each.objective, []).append(each)
    return groups


def summary(found: Sequence[Compared], root: str) -> str:
    """A table with a column for each sweep.

    Args:
        found: the sweeps.
        root: the path that all pages begin with.
    """
    leaders = _leaders(found)
    rows: dict[str, list[str]] = {}
    for index, each in enumerate(found):
        for label, cell in _cells(each, root, leads=each.record.name in leaders).items():
            rows.setdefault(label, [""] * len(found))[index] = cell
    head = ["Sweep", *(_link(each.record.name, root) for each in found)]
    return markup.table("Sweeps compared", head, ([row, *cells] for row, cells in rows.items()))


def _cells(each: Compared, root: str, *, leads: bool) -> dict[str, str]:
    """What the table says of one sweep, as markup under the labels of its rows."""
    record, best = each.record, each.record.best_trial
    document = _document(record)
    ended = sum(n for status, n in record.trial_counts.items() if status.finished)
    cells = {
        "Status": formats.badge(record.status),
        "Trials ended": f"{ended} of {max(expected_trials(document), ended)}",
        "Objective": escape(each.objective),
        "Best value": "",
        "Best trial": "",
        "Time to the best": formats.duration(_best_seconds(each)),
        "Time in all": formats.between(record.started_at, record.finished_at),
        "Sampling": escape(formats.kind(document["sampling_algorithm"])),
        "Early termination": escape(formats.kind(document.get("early_termination"))),
        "Backend": escape(record.backend),
        "Parameters of the best": "",
    }
    if best is not None:
        value = formats.number(best.objective_value)
        cells["Best value"] = f"<strong>{value}</strong> (the best)" if leads else value
        path = f"{escape(root)}/sweeps/{escape(record.name)}/trials/{best.number}"
        cells["Best trial"] = f'<a href="{path}">{best.number}</a>'
        for name, chosen in best.parameters.items():
            cells[f"<code>{escape(name)}</code>"] = escape(formats.scalar(chosen))
    return cells


def _link(name: str, root: str) -> str:
    return f'<a href="{escape(root)}/sweeps/{escape(name)}">{escape(name)}</a>'


def _leaders(found: Sequence[Compared]) -> set[str]:
    """The best sweeps of each objective that several share; equal ones lead together."""
    leaders = set()
    for group in by_objective(found).values():
        goal = _document(group[0].record)["objective"]["goal"]
        losses = {
            each.record.name: loss(each.record.best_trial.objective_value, goal)
            for each in group
            if each.record.best_trial
        }
        if len(group) > 1 and losses:
            least = min(losses.values())
            leaders |= {name for name, value in losses.items() if value == least}
    return leaders


def _document(record: SweepRecord) -> Any:  # noqa: ANN401 - plain JSON values
    return record.document


def _best_seconds(each: Compared) -> float | None:
    best = each.record.best_trial
    reached = (point.seconds for point in each.line if best and point.value == best.objective_value)
    return next(reached, None)
