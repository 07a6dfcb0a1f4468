"""Branches: which one a trial's flat parameters belong to."""

from collections.abc import Mapping

from pydantic import BaseModel

from app.sweep.search_space import AnyExpression, Choice, Scalar, walk

Space = Mapping[str, AnyExpression | Scalar]


def branch_values(
    space: Space, name: str, parameters: Mapping[str, Scalar]
) -> dict[str, object] | None:
    """The branch that parameters hold for the choice `name`; None when it is not active."""
    for _, found, expression in walk(space):
        if found == name and isinstance(expression, Choice):
            active = (_active(branch, parameters) for branch in expression.branches)
            return next((values for values in active if values is not None), None)
    return None


def _active(branch: Space, parameters: Mapping[str, Scalar]) -> dict[str, object] | None:
    values: dict[str, object] = {}
    for name, expression in branch.items():
        value: object = parameters.get(name)
        if isinstance(expression, Choice) and expression.branches:
            value = branch_values(branch, name, parameters)
        differs = not isinstance(expression, BaseModel) and value != expression
        if value is None or differs:
            return None
        values[name] = value
    return values
