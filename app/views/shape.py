"""What every view is made of: named axes, and series whose columns are among them.

A drawing program needs no more than this; it knows nothing of sweeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from app.sweep.search_space import Scalar
from app.sweep.state import Goal, TrialStatus

ViewName = Literal[
    "history", "parallel-coordinates", "learning-curves", "importance", "slice", "timeline"
]
VIEWS: tuple[ViewName, ...] = get_args(ViewName)
Cell = Scalar | None
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One quantity.

    Attributes:
        name: unique within the view.
        label: for people.
        type: of its values; times are RFC 3339 texts.
        scale: on which to draw numbers.
        domain: [low, high] of numbers, the categories in order; None: as the values are.
        direction: where the better values are, on the axis of an objective.
    """

    name: str
    label: str
    type: Literal["number", "category", "time"] = "number"
    scale: Literal["linear", "log"] = "linear"
    domain: Sequence[Cell] | None = None
    direction: Goal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Rows of values.

    Attributes:
        name: for people; unique within the view but for series of trials.
        axes: names of the columns' axes.
        points: the rows; None where there is no value.
        trial: the trial that all rows are about, and its status.
        marks: points with a meaning of their own, such as where a trial was stopped.
    """

    name: str
    axes: Sequence[str]
    points: Sequence[Row]
    trial: int | None = None
    status: TrialStatus | None = None
    marks: Sequence[Mapping[str, Cell]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way to look at a sweep.

    Attributes:
        view: which one.
        sweep: of which sweep.
        next_after: hand it in to get what has changed since.
        complete: whether everything is there, not only what has changed.
    """

    view: ViewName
    sweep: str
    axes: Sequence[Axis]
    series: Sequence[Series]
    next_after: int = 0
    complete: bool = True


def moment(at: datetime | None) -> str | None:
    """A time as it stands in a row."""
    return None if at is None else at.isoformat()
