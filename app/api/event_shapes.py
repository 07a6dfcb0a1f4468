"""What each type of event tells: the documented shapes of `data`.

Events are answered as they were written down, by this version or an earlier one; these shapes
describe them.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.api.shapes import BestTrialShape, Figure, MetricShape, Shape
from app.sweep.state import SweepStatus, TrialStatus


class _Happening(Shape):
    id: Annotated[int, Field(description="Rises in the order of commits.")]
    sweep: str | None
    at: datetime


class SweepStatusData(Shape):
    """Where the sweep stands."""

    status: SweepStatus
    status_reason: str | None


class SweepDetailsData(Shape):
    """What the backend says; read the sweep for the rest."""

    provider_status: str | None
    provider_url: str | None


class BestData(Shape):
    """The best trial; null: a retry took away the only one."""

    best_trial: BestTrialShape | None


class BestDisagreesData(Shape):
    """The number of the trial that the backend calls best, and ours."""

    provider_best: int
    best_trial: BestTrialShape | None


class NoData(Shape):
    """Nothing more to tell."""


class SyncErrorData(Shape):
    """Why the backend is not heard; null: it is heard again."""

    error: str | None


class TrialStatusData(Shape):
    """Where a trial stands."""

    number: int
    status: TrialStatus
    status_reason: str | None
    attempt: int
    objective_value: Annotated[float | None, Field(description="The best reported value.")]


class ReportsData(Shape):
    """Reports of one attempt of a trial, at most 100, in the order of arrival."""

    number: int
    attempt: int
    reports: list[MetricShape]


class Verdict(Shape):
    """One evaluation of the early-termination policy."""

    interval: int
    policy: str
    value: Figure
    threshold: Figure | None
    verdict: Literal["continue", "stop"]
    reason: str
    too_late: bool


class DecisionsData(Shape):
    """Entries of a trial's early-termination ledger, at most 100."""

    number: int
    attempt: int
    decisions: list[Verdict]


class TrialDetailsData(Shape):
    """Something else about the trial changed; read the trial."""

    number: int


class RegisteredData(Shape):
    """The model version, and the trial that it comes from."""

    model_name: str
    version: int
    trial: int
    value: float


class SweepStatusEvent(_Happening):
    """A sweep was submitted or has another status."""

    type: Literal["sweep.status"]
    data: SweepStatusData


class SweepDetailsEvent(_Happening):
    """Something else about a sweep changed: the backend's words, its page, warnings."""

    type: Literal["sweep.details"]
    data: SweepDetailsData


class SweepBestEvent(_Happening):
    """A sweep has another best trial."""

    type: Literal["sweep.best"]
    data: BestData


class SweepBestDisagreesEvent(_Happening):
    """The backend calls another trial best than we do."""

    type: Literal["sweep.best_disagrees"]
    data: BestDisagreesData


class SweepPurgedEvent(_Happening):
    """A sweep's records were removed for good; model versions stay."""

    type: Literal["sweep.purged"]
    data: NoData


class SyncErrorEvent(_Happening):
    """A sweep's backend does not answer, or does again."""

    type: Literal["sync.error"]
    data: SyncErrorData


class TrialStatusEvent(_Happening):
    """A trial was drawn, or has another status or attempt."""

    type: Literal["trial.status"]
    data: TrialStatusData


class TrialMetricEvent(_Happening):
    """A trial reported metrics."""

    type: Literal["trial.metric"]
    data: ReportsData


class TrialDecisionEvent(_Happening):
    """The early-termination policy looked at a trial."""

    type: Literal["trial.decision"]
    data: DecisionsData


class TrialDetailsEvent(_Happening):
    """Something else about a trial changed, such as when it started."""

    type: Literal["trial.details"]
    data: TrialDetailsData


class ModelRegisteredEvent(_Happening):
    """A trial's model became a model version."""

    type: Literal["model.registered"]
    data: RegisteredData


AnyEvent = Annotated[
    SweepStatusEvent
    | SweepDetailsEvent
    | SweepBestEvent
    | SweepBestDisagreesEvent
    | SweepPurgedEvent
    | SyncErrorEvent
    | TrialStatusEvent
    | TrialMetricEvent
    | TrialDecisionEvent
    | TrialDetailsEvent
    | ModelRegisteredEvent,
    Field(discriminator="type"),
]


class EventPage(Shape):
    """Some events, oldest first; pass `next_cursor` as `after` to get those after them."""

    items: list[AnyEvent]
    next_cursor: str | None
