"""A view of a sweep: data for a chart, whatever draws it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What a coordinate of the points means.

    Attributes:
        type: number, category or time.
        scale: linear or log.
        domain: the smallest and the largest value, or the categories.
        direction: which way is better, where that can be said.
    """

    name: str
    label: str
    type: str
    scale: str | None = None
    domain: tuple[Any, ...] | None = None
    direction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points that belong together; each has a coordinate for each of `axes`, by name."""

    name: str
    axes: tuple[str, ...]
    points: tuple[Any, ...]
    trial: int | None = None
    status: str | None = None
    marks: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One view of a sweep.

    Attributes:
        next_after: pass it as `after` to get only what is new since.
        complete: nothing will be added any more.
    """

    view: str
    sweep: str
    axes: tuple[Axis, ...]
    series: tuple[Series, ...]
    next_after: Any = None
    complete: bool = False
