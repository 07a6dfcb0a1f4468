"""Early-termination policies: their settings. The mathematics is in `app.search.policies`."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from app.sweep.part import Part

Slack = Annotated[int | float | None, Field(gt=0, allow_inf_nan=False)]


class _Policy(Part):
    evaluation_interval: Annotated[
        int,
        Field(
            ge=1, le=2**31 - 1, description="Judge at every interval that is a multiple of this."
        ),
    ] = 1
    delay_evaluation: Annotated[
        int, Field(ge=0, le=2**31 - 1, description="First interval at which a trial may be judged.")
    ] = 0


class BanditPolicy(_Policy):
    """Stops a trial whose best value is further from the best of all than the slack allows."""

    type: Literal["bandit"]
    slack_factor: Slack = None
    """How much worse than the best a trial may be, as a ratio."""
    slack_amount: Slack = None
    """How much worse than the best a trial may be, in the metric's unit."""

    @model_validator(mode="after")
    def _one_slack(self) -> Self:
        if (self.slack_factor is None) == (self.slack_amount is None):
            raise ValueError("give exactly one of slack_factor (a ratio) and slack_amount")
        return self


class MedianStoppingPolicy(_Policy):
    """Stops a trial whose best value is worse than the median of the running means."""

    type: Literal["median_stopping"]


class TruncationSelectionPolicy(_Policy):
    """Stops the worst `truncation_percentage` of the trials at each judged interval."""

    type: Literal["truncation_selection"]
    truncation_percentage: Annotated[int, Field(ge=1, le=99)]
    """How many of a hundred trials are stopped at each judged interval."""
    exclude_finished_jobs: bool = False
    """Whether finished trials are left out of the comparison; on the local backend."""


def _long_form(value: object) -> object:
    """Take the short form `early_termination: median_stopping`, as the SDK does."""
    return {"type": value.lower()} if isinstance(value, str) else value


EarlyTermination = Annotated[
    BanditPolicy | MedianStoppingPolicy | TruncationSelectionPolicy,
    Field(discriminator="type"),
    BeforeValidator(
        _long_form,
        json_schema_input_type=Literal["median_stopping"]
        | BanditPolicy
        | MedianStoppingPolicy
        | TruncationSelectionPolicy,
    ),
]


def first_judged(policy: BanditPolicy | MedianStoppingPolicy | TruncationSelectionPolicy) -> int:
    """The first interval at which a trial is judged."""
    earliest = max(1, policy.delay_evaluation)
    return -(-earliest // policy.evaluation_interval) * policy.evaluation_interval
