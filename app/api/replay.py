"""/v1/sweeps/{name}/replay: what another early-termination policy would have done."""

from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import Field

from app.api.bodies import Document
from app.api.openapi import body_of
from app.api.parameters import SweepName
from app.api.shapes import Figure, Shape
from app.api.state import Parts
from app.search.replay import Replay, ReplayedStop
from app.services.replay import ReplayRequest, parse_request, replay
from app.sweep.state import Trial, TrialStatus

router = APIRouter(prefix="/v1/sweeps", tags=["sweeps"])

_EXAMPLES: dict[str, Any] = {
    "bandit": {
        "summary": "Bandit with 10 % slack",
        "value": {"early_termination": {"type": "bandit", "slack_factor": 0.1}},
    },
    "median": {
        "summary": "Median stopping from the fifth report on",
        "value": {"early_termination": {"type": "median_stopping", "delay_evaluation": 5}},
    },
}


class ReplayedStopShape(Shape):
    """A trial that the policy would have stopped."""

    trial: int
    interval: Annotated[int, Field(description="The report at which it would have stopped.")]
    value: Figure
    threshold: Figure | None
    reason: str
    saved_seconds: float
    status: Annotated[TrialStatus, Field(description="How the trial really ended.")]
    objective_value: float | None

    @classmethod
    def of(cls, stop: ReplayedStop) -> Self:
        """From a stop."""
        return cls(
            trial=stop.trial,
            interval=stop.decision.interval,
            value=stop.decision.value,
            threshold=stop.decision.threshold,
            reason=stop.decision.reason,
            saved_seconds=stop.saved_seconds,
            status=stop.status,
            objective_value=stop.objective_value,
        )


class ReplayedTrialShape(Shape):
    """A trial with what it reached."""

    number: int
    objective_value: float | None

    @classmethod
    def of(cls, trial: Trial) -> Self:
        """From a trial."""
        return cls(number=trial.number, objective_value=trial.objective_value)


class ReplayShape(Shape):
    """What a policy would have done to the reports of a sweep."""

    policy: Annotated[dict[str, Any], Field(description="The replayed policy, defaults included.")]
    stops: Annotated[list[ReplayedStopShape], Field(description="In the order of the stops.")]
    saved_seconds: Annotated[float, Field(description="Trial time that would have been saved.")]
    total_seconds: Annotated[float, Field(description="Trial time that the sweep took.")]
    evaluations: Annotated[int, Field(description="How often a trial would have been judged.")]
    winner: Annotated[ReplayedTrialShape | None, Field(description="The sweep's best trial.")]
    winner_stopped: Annotated[bool, Field(description="Whether that one would have been stopped.")]
    best_left: Annotated[
        ReplayedTrialShape | None, Field(description="The best of those that would have gone on.")
    ]

    @classmethod
    def of(cls, request: ReplayRequest, found: Replay) -> Self:
        """From a replay and what was asked for."""
        return cls(
            policy=request.early_termination.model_dump(mode="json", exclude_none=True),
            stops=[ReplayedStopShape.of(stop) for stop in found.stops],
            saved_seconds=found.saved_seconds,
            total_seconds=found.total_seconds,
            evaluations=found.evaluations,
            winner=ReplayedTrialShape.of(found.winner) if found.winner else None,
            winner_stopped=found.winner_stopped,
            best_left=ReplayedTrialShape.of(found.best_left) if found.best_left else None,
        )


@router.post(
    "/{name}/replay",
    operation_id="replay_sweep",
    openapi_extra=body_of(ReplayRequest, _EXAMPLES),
)
def replay_sweep(name: SweepName, body: Document, parts: Parts) -> ReplayShape:
    """Tell which trials another policy would have stopped, when, and what that would have saved.

    Recorded reports are judged again in the order in which they arrived; nothing is run.
    """
    request = parse_request(body)
    return ReplayShape.of(request, replay(parts.db, name, request))
