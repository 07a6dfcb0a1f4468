"""The search space: ten expressions, conditional branches, and how many points they span.

Expressions and their fields are those of Azure ML's sweep job YAML schema
(https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep). Bounds of the
log expressions are bounds of the logarithm, as there.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from app.sweep.part import Part

MAX_HYPERPARAMETERS = 256
MAX_CHOICE_VALUES = 10_000
MAX_RANDINT = 2**53
_LONGEST_SCALAR = 100
"""Characters; what is longer is no number or truth value."""

Scalar = bool | int | float | str
Number = Annotated[int | float, Field(allow_inf_nan=False)]
Positive = Annotated[int, Field(gt=0)] | Annotated[float, Field(gt=0, allow_inf_nan=False)]
HyperparameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


class _Range(Part):
    min_value: Number
    """The smallest value; of the log expressions, its logarithm."""
    max_value: Number
    """The largest value; of the log expressions, its logarithm."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_value >= self.max_value:
            raise ValueError(
                f"min_value ({self.min_value}) must be below max_value ({self.max_value})"
            )
        return self


class _Normal(Part):
    mu: Number
    """The mean; of the log expressions, that of the logarithm."""
    sigma: Positive
    """The standard deviation; of the log expressions, that of the logarithm."""


class _Quantised(Part):
    q: Positive
    """Values are multiples of this; integers if it is one."""


class RandInt(Part):
    """An integer in [0, upper)."""

    type: Literal["randint"]
    upper: Annotated[int, Field(ge=1, le=MAX_RANDINT)]
    """The first integer that is not drawn."""


class Uniform(_Range):
    """U(min_value, max_value)."""

    type: Literal["uniform"]


class QUniform(_Range, _Quantised):
    """round(U(min_value, max_value) / q) * q."""

    type: Literal["quniform"]


class LogUniform(_Range):
    """b ** U(min_value, max_value); b is e unless the sampling algorithm's logbase says otherwise."""

    type: Literal["loguniform"]


class QLogUniform(_Range, _Quantised):
    """round(b ** U(min_value, max_value) / q) * q."""

    type: Literal["qloguniform"]


class Normal(_Normal):
    """N(mu, sigma)."""

    type: Literal["normal"]


class QNormal(_Normal, _Quantised):
    """round(N(mu, sigma) / q) * q."""

    type: Literal["qnormal"]


class LogNormal(_Normal):
    """exp(N(mu, sigma)); mu and sigma are those of the logarithm."""

    type: Literal["lognormal"]


class QLogNormal(_Normal, _Quantised):
    """round(exp(N(mu, sigma)) / q) * q."""

    type: Literal["qlognormal"]


_RANGE = re.compile(r"range\(\s*(-?\d{1,15})\s*(?:,\s*(-?\d{1,15})\s*)?(?:,\s*(-?\d{1,15})\s*)?\)")


def _listed(values: object) -> object:
    """Turn the documentation's textual choices ("1, 2, 4", "range(1, 5)") into a list."""
    if not isinstance(values, str):
        return values
    match = _RANGE.fullmatch(values.strip())
    if match is None:
        if values.count(",") >= MAX_CHOICE_VALUES:
            raise ValueError(f"the text has more than {MAX_CHOICE_VALUES} values")
        return [_scalar(part.strip()) for part in values.split(",")]
    try:
        numbers = range(*(int(group) for group in match.groups() if group is not None))
    except ValueError as error:
        raise ValueError(f"{values!r}: {error}") from error
    if len(numbers) > MAX_CHOICE_VALUES:
        raise ValueError(f"{values!r} has more than {MAX_CHOICE_VALUES} values")
    return list(numbers)


def _scalar(text: str) -> Scalar:
    if len(text) > _LONGEST_SCALAR:
        return text
    try:
        value = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError):
        # The latter come from tags that do not fit their text.
        return text
    return value if isinstance(value, bool | int | float | str) else text


def kind_of(value: object) -> str:
    """Tell an object from a constant, so that a fault is reported once, for the kind meant."""
    return "object" if isinstance(value, dict | BaseModel) else "constant"


class Choice(Part):
    """One of the values; a value that is an object is a branch with hyperparameters of its own."""

    type: Literal["choice"]
    values: Annotated[
        list["ChoiceValue"],
        BeforeValidator(_listed),
        Field(
            min_length=1,
            max_length=MAX_CHOICE_VALUES,
            description='A list; the texts "5, 10, 15" and "range(1, 10)" are taken too.',
        ),
    ]

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        objects = sum(isinstance(value, dict) for value in self.values)
        if objects not in (0, len(self.values)):
            raise ValueError("values are either all objects (branches) or none of them is")
        return self

    @property
    def branches(self) -> list["Branch"]:
        """The values that are branches; empty for a plain choice."""
        return [value for value in self.values if isinstance(value, dict)]


AnyExpression = Annotated[
    Choice
    | RandInt
    | Uniform
    | QUniform
    | LogUniform
    | QLogUniform
    | Normal
    | QNormal
    | LogNormal
    | QLogNormal,
    Field(discriminator="type"),
]
Branch = Annotated[
    dict[
        HyperparameterName,
        Annotated[
            Annotated[AnyExpression, Tag("object")] | Annotated[Scalar, Tag("constant")],
            Discriminator(kind_of),
        ],
    ],
    Field(min_length=1, json_schema_extra={"additionalProperties": False}),
]
ChoiceValue = Annotated[
    Annotated[Scalar, Tag("constant")] | Annotated[Branch, Tag("object")], Discriminator(kind_of)
]
SearchSpace = Annotated[
    dict[HyperparameterName, AnyExpression],
    Field(
        min_length=1,
        max_length=MAX_HYPERPARAMETERS,
        json_schema_extra={"additionalProperties": False},
    ),
]
Choice.model_rebuild()

LOG_EXPRESSIONS = (LogUniform, QLogUniform)
QUANTISED = (QUniform, QLogUniform, QNormal, QLogNormal)


def walk(
    space: Mapping[str, AnyExpression | Scalar], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str, AnyExpression | Scalar]]:
    """Yield (path in the document, name, expression or constant) of every level, depth first."""
    for name, expression in space.items():
        here = (*path, name)
        yield here, name, expression
        if isinstance(expression, Choice):
            for index, branch in enumerate(expression.branches):
                yield from walk(branch, (*here, "values", index))


def names(space: Mapping[str, AnyExpression | Scalar]) -> list[str]:
    """Every hyperparameter's name on every level, in the document's order, each once."""
    return list(dict.fromkeys(name for _, name, _ in walk(space)))


def distinct(values: list[Scalar]) -> list[Scalar]:
    """The values in order without repetitions; 1, 1.0 and true differ, as they do on a command line."""
    return list({(type(value), value): value for value in values}.values())


def cardinality(space: Mapping[str, AnyExpression | Scalar], logbase: float = math.e) -> int | None:
    """How many different points the space has; None when it is not finite."""
    product = 1
    for expression in space.values():
        size = _size(expression, logbase)
        if size is None:
            return None
        product *= size
    return product


def _size(expression: AnyExpression | Scalar, logbase: float) -> int | None:
    match expression:
        case RandInt():
            return expression.upper
        case QUniform():
            return _steps(expression.min_value, expression.max_value, expression.q)
        case QLogUniform():
            low, high = sorted((logbase**expression.min_value, logbase**expression.max_value))
            return _steps(low, high, expression.q)
        case Choice() if expression.branches:
            sizes = [cardinality(branch, logbase) for branch in expression.branches]
            return None if None in sizes else sum(size for size in sizes if size is not None)
        case Choice():
            return len(distinct([v for v in expression.values if not isinstance(v, dict)]))
        case bool() | int() | float() | str():
            return 1
        case _:
            return None


def _steps(low: float, high: float, q: float) -> int:
    return round(high / q) - round(low / q) + 1
