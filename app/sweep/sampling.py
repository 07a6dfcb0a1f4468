"""Sampling algorithms: their settings, and which expressions each accepts.

Azure ML's words: https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters.
"""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from app.sweep.part import Part
from app.sweep.search_space import AnyExpression, Choice, Scalar

MAX_SEED = 2**31 - 1

Seed = Annotated[
    int | None,
    Field(ge=0, le=MAX_SEED, description="Makes the sequence of trials reproducible."),
]


class RandomSampling(Part):
    """Independent draws, or scrambled Sobol points with `rule: sobol`; takes every expression."""

    type: Literal["random"]
    seed: Seed = None
    rule: Annotated[
        Literal["random", "sobol"],
        Field(description="sobol spreads the first 2^k trials evenly over the space."),
    ] = "random"
    logbase: Annotated[
        int | float | Literal["e"],
        Field(description="Base of the log expressions: a positive number other than 1, or e."),
    ] = "e"

    @property
    def base(self) -> float:
        """The base of the logarithm as a number."""
        return math.e if self.logbase == "e" else float(self.logbase)


class GridSampling(Part):
    """Every point of a space of choices once, the first hyperparameter varying slowest."""

    type: Literal["grid"]
    seed: Seed = None


class BayesianSampling(Part):
    """Picks the next trial from the finished ones; on Azure ML for choice, uniform and quniform."""

    type: Literal["bayesian"]
    seed: Seed = None


AnySampling = RandomSampling | GridSampling | BayesianSampling


def _long_form(value: object) -> object:
    if isinstance(value, str):
        return {"type": value.lower()}
    return value


SamplingAlgorithm = Annotated[
    RandomSampling | GridSampling | BayesianSampling,
    Field(discriminator="type"),
    BeforeValidator(
        _long_form,
        json_schema_input_type=Literal["random", "grid", "bayesian"]
        | RandomSampling
        | GridSampling
        | BayesianSampling,
    ),
]


def logbase_of(sampling: AnySampling) -> float:
    """The base of the log expressions under this algorithm: e unless it says otherwise."""
    return sampling.base if isinstance(sampling, RandomSampling) else math.e


def refusal(sampling: AnySampling, expression: AnyExpression | Scalar) -> str | None:
    """Why the algorithm cannot take this expression, with the remedy; None if it can."""
    if not isinstance(sampling, GridSampling) or isinstance(expression, Choice):
        return None
    if not isinstance(expression, BaseModel):
        return None
    return (
        f"grid sampling takes only choice, not {expression.type}; list the values in a choice "
        "or use sampling_algorithm: random"
    )
