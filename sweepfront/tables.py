"""Tables for notebooks: HTML that takes its colours from the page, dark or light."""

from collections.abc import Collection, Iterable, Sequence
from html import escape
from typing import Any

from sweepfront.shapes import Sweep

_LEFT = "text-align:left"
_CAPTION = f"{_LEFT};caption-side:top;font-weight:bold"
_MOST_CHARACTERS = 120


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    bold: Collection[int] = (),
    note: str = "",
) -> str:
    """A table; every text is escaped, and nothing is loaded from anywhere.

    Args:
        caption: stands above it.
        head: the columns' names; empty for none.
        rows: of values.
        bold: which rows stand out, counted from 0.
        note: stands below it.
    """
    parts = [f'<table><caption style="{_CAPTION}">{escape(caption)}</caption>']
    if head:
        parts.append(f"<thead>{_row(head, 'th', '')}</thead>")
    parts.append("<tbody>")
    parts += [
        _row([shown(value) for value in row], "td", ";font-weight:bold" if n in bold else "")
        for n, row in enumerate(rows)
    ]
    parts.append("</tbody></table>")
    if note:
        parts.append(f"<p>{escape(note)}</p>")
    return "".join(parts)


def sweep_table(sweep: Sweep) -> str:
    """A sweep at a glance: where it stands, the parameters of its best trial, what is odd."""
    reason = f": {sweep.status_reason}" if sweep.status_reason else ""
    rows: list[tuple[str, object]] = [
        ("status", f"{sweep.status}{reason}"),
        ("trials", f"{sweep.progress}; {sweep.standing}"),
        ("objective", f"{sweep.document['objective']['goal']} {sweep.primary_metric}"),
    ]
    if sweep.best_trial is not None:
        rows += [(f"best {name}", value) for name, value in sweep.best_trial.parameters.items()]
    rows += [("warning", words) for words in sweep.warnings]
    if sweep.sync_error:
        rows.append(("last look failed", sweep.sync_error))
    return table(f"sweep {sweep.name}", [], rows)


def shown(value: object) -> str:
    """A value as a cell shows it."""
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _row(cells: Sequence[str], tag: str, style: str) -> str:
    inside = "".join(f'<{tag} style="{_LEFT}{style}">{escape(cell)}</{tag}>' for cell in cells)
    return f"<tr>{inside}</tr>"
