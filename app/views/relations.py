"""Hyperparameters and the objective: parallel coordinates and slices."""

from collections.abc import Collection, Sequence

from app.sweep.document import SweepDocument
from app.sweep.record import Outcome
from app.views.axes import NUMBER, STATUS, hyperparameters, objective
from app.views.shape import Axis, Series


def parallel_coordinates(
    document: SweepDocument, outcomes: Sequence[Outcome], changed: Collection[int] | None
) -> tuple[list[Axis], list[Series]]:
    """Series "trials": a row for each, with every hyperparameter, the objective, number, status.

    Args:
        document: the sweep's.
        outcomes: of all trials, by number.
        changed: the only trials that there are rows of; None: all.
    """
    drawn = hyperparameters(document)
    axes = [*drawn, objective(document), NUMBER, STATUS]
    names = [axis.label for axis in drawn]
    rows = [
        (
            *(each.parameters.get(name) for name in names),
            each.objective,
            each.number,
            each.status.value,
        )
        for each in outcomes
        if changed is None or each.number in changed
    ]
    return axes, [Series(name="trials", axes=[axis.name for axis in axes], points=rows)]


def slices(
    document: SweepDocument,
    outcomes: Sequence[Outcome],
    changed: Collection[int] | None,
    parameter: str | None,
) -> tuple[list[Axis], list[Series]]:
    """A series for each hyperparameter: its value, the objective, number, status of every trial.

    Args:
        document: the sweep's.
        outcomes: of all trials, by number.
        changed: the only trials that there are rows of; None: all.
        parameter: the only hyperparameter; None: all.
    """
    shown = [
        axis for axis in hyperparameters(document) if parameter is None or axis.label == parameter
    ]
    facts = ["objective", "number", "status"]
    series = [
        Series(
            name=axis.label,
            axes=[axis.name, *facts],
            points=[
                (each.parameters[axis.label], each.objective, each.number, each.status.value)
                for each in outcomes
                if axis.label in each.parameters and (changed is None or each.number in changed)
            ],
        )
        for axis in shown
    ]
    return [*shown, objective(document), NUMBER, STATUS], series
