"""Constraints on Azure ML, which has none: the allowed combinations as one choice of objects.

Each object holds one value of every hyperparameter, so that the command's placeholders stay as
they are; Azure draws one object for each trial. A sampler then sees one hyperparameter with as
many values as there are combinations.
"""

from collections.abc import Mapping
from typing import Any

from app.search.allowed import allowed_points
from app.sweep.command import placeholders
from app.sweep.document import SweepDocument
from app.sweep.search_space import Choice, walk

MAX_COMBINATIONS = 1000
"""As many as Azure runs trials in one sweep."""
_NAME = "combination"


def combined(document: SweepDocument) -> Mapping[str, Any]:
    """The search space of a document with constraints as Azure gets it, JSON values.

    Raises:
        ValueError: they cannot be given to Azure; the message says why.
    """
    if reason := not_combined(document):
        raise ValueError(reason)
    points = allowed_points(document, MAX_COMBINATIONS)
    names = {name for _, name, _ in walk(document.search_space)}
    name = _NAME
    while name in names:
        name += "_"
    return {name: {"type": "choice", "values": points}}


def not_combined(document: SweepDocument) -> str | None:
    """Why Azure cannot be given this document's constraints, with the remedy; None if it can."""
    used = {each.name for each in placeholders(document.trial.command)}
    for _, name, expression in walk(document.search_space):
        if isinstance(expression, Choice) and expression.branches and name in used:
            return (
                f"with constraints, Azure ML draws whole combinations, so that {name} has no value "
                f"of its own; use the hyperparameters of its branches in trial.command"
            )
    if allowed_points(document, MAX_COMBINATIONS) is None:
        return (
            "Azure ML has no constraints; they are sent as one choice of the allowed combinations, "
            f"of which there may be {MAX_COMBINATIONS} in a space of choices, randint and quantised "
            "ranges; make the space smaller or discrete, or use the local backend"
        )
    return None
