"""Markup of what is too plain for an element of its own; texts are escaped, cells are markup."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape


def facts(found: Mapping[str, str]) -> str:
    """Names and what is known under each."""
    return listed({name: escape(words) for name, words in found.items()})


def listed(found: Mapping[str, str]) -> str:
    """Names and the markup under each."""
    pairs = (f"<div><dt>{escape(name)}</dt><dd>{each}</dd></div>" for name, each in found.items())
    return f'<dl class="sf-facts">{"".join(pairs)}</dl>'


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names the rows.

    Args:
        caption: what it shows, for screen readers.
        head: markup of the columns' heads.
        rows: markup of the cells.
    """
    heads = "".join(f'<th scope="col">{each}</th>' for each in head)
    lines = (
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return (
        f'<table class="sf-table" aria-label="{escape(caption)}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )


def link(address: str, text: str, *, download: bool = False, label: str = "") -> str:
    """A link; `label` is what a screen reader says where the text alone says too little."""
    more = " download" if download else ""
    if label:
        more += f' aria-label="{escape(label)}"'
    return f'<a href="{escape(address)}"{more}>{escape(text)}</a>'
