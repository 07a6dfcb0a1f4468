"""The axes of a sweep: its objective, its hyperparameters, and what every trial has."""

import math
from typing import Literal

from pydantic import BaseModel

from app.sweep.document import SweepDocument
from app.sweep.sampling import logbase_of
from app.sweep.search_space import (
    AnyExpression,
    Choice,
    LogNormal,
    LogUniform,
    QLogUniform,
    QUniform,
    RandInt,
    Scalar,
    Uniform,
    distinct,
    walk,
)
from app.sweep.state import TrialStatus
from app.views.shape import Axis

NUMBER = Axis(name="number", label="trial")
STATUS = Axis(
    name="status", label="status", type="category", domain=[status.value for status in TrialStatus]
)
PARAMETER = "parameters."
"""What names of hyperparameters' axes begin with: a hyperparameter may be called "number"."""
_LOG = (LogUniform, QLogUniform, LogNormal)
"""Drawn on a logarithmic axis; not qlognormal, which draws 0, too."""


def objective(document: SweepDocument) -> Axis:
    """The axis of the primary metric."""
    wanted = document.objective
    return Axis(name="objective", label=wanted.primary_metric, direction=wanted.goal)


def hyperparameters(document: SweepDocument) -> list[Axis]:
    """An axis for each hyperparameter on every level, in the document's order.

    A choice between branches has none: its branches' hyperparameters have theirs, and no value in
    the trials of other branches.
    """
    found: dict[str, list[AnyExpression | Scalar]] = {}
    for _, name, expression in walk(document.search_space):
        if not (isinstance(expression, Choice) and expression.branches):
            found.setdefault(name, []).append(expression)
    logbase = logbase_of(document.sampling_algorithm)
    return [_axis(name, expressions, logbase) for name, expressions in found.items()]


def _axis(name: str, expressions: list[AnyExpression | Scalar], logbase: float) -> Axis:
    """The axis of a hyperparameter, which branches may draw in different ways."""
    listed: list[Scalar] = []
    ranges = []
    for expression in expressions:
        if isinstance(expression, Choice):
            listed += [value for value in expression.values if not isinstance(value, dict)]
        elif isinstance(expression, BaseModel):
            ranges.append(expression)
        else:
            listed.append(expression)
    if not ranges:
        return Axis(name=PARAMETER + name, label=name, type="category", domain=distinct(listed))
    if any(isinstance(value, bool | str) for value in listed):
        return Axis(name=PARAMETER + name, label=name, type="category")
    bounds: list[tuple[float, float]]
    bounds = [(value, value) for value in listed if not isinstance(value, str)]
    bounds += [known for each in ranges if (known := _bounds(each, logbase)) is not None]
    domain = None
    if len(bounds) == len(listed) + len(ranges):
        domain = [min(low for low, _ in bounds), max(high for _, high in bounds)]
    log = all(isinstance(each, _LOG) for each in ranges) and (domain is None or domain[0] > 0)
    scale: Literal["log", "linear"] = "log" if log else "linear"
    return Axis(name=PARAMETER + name, label=name, scale=scale, domain=domain)


def _bounds(expression: AnyExpression | Scalar, logbase: float) -> tuple[float, float] | None:
    """The smallest and the greatest value that can be drawn; None: there are none."""
    match expression:
        case RandInt():
            return 0, expression.upper - 1
        case Uniform() | QUniform():
            low, high = float(expression.min_value), float(expression.max_value)
        case LogUniform() | QLogUniform():
            try:
                ends = (logbase**expression.min_value, logbase**expression.max_value)
            except OverflowError:
                return None
            low, high = min(ends), max(ends)
        case _:
            return None
    if isinstance(expression, QUniform | QLogUniform):
        steps = (round(end / expression.q) for end in (low, high))
        low, high = (float(f"{step * expression.q:.12g}") for step in steps)
    return (low, high) if math.isfinite(high) else None
