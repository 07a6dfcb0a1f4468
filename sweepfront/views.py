"""A view of a sweep: data for a chart, whatever draws it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What a column of the points means.

    Attributes:
        type: number, category or time.
        scale: linear or log.
        domain: the lowest and the highest number, or the categories in their order.
        direction: minimize or maximize, of the objective.
    """

    name: str
    label: str
    type: str
    scale: str
    domain: list[Any] | None
    direction: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Rows of values: `pandas.DataFrame(series.points, columns=series.axes)`.

    Attributes:
        axes: the name of each column's axis.
        points: the rows; numbers that are not finite are the texts NaN, Infinity and -Infinity.
        trial: the trial that all rows are about, if they are.
        status: that trial's.
        marks: points with a meaning, such as a trial's stop.
    """

    name: str
    axes: list[str]
    points: list[list[Any]]
    trial: int | None
    status: str | None
    marks: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way to look at a sweep.

    Attributes:
        next_after: pass it as `after` to get only what has changed since.
        complete: False: only what has changed since `after`.
    """

    view: str
    sweep: str
    axes: list[Axis]
    series: list[Series]
    next_after: int
    complete: bool
