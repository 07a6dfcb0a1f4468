"""/v1/sweeps/preview: what would run, before anything is stored or costs anything."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.bodies import Document
from app.api.openapi import body_of
from app.api.shapes import Shape
from app.api.state import Parts
from app.search.allowed import Allowance
from app.search.estimate import Range
from app.services.preview import Estimate, Preview, PreviewedTrial, preview
from app.sweep.document import SweepDocument
from app.sweep.examples import EXAMPLES

router = APIRouter(prefix="/v1/sweeps", tags=["sweeps"])

MAX_TRIALS = 1000


class PreviewedTrialShape(Shape):
    """A trial as it will run."""

    number: int
    parameters: dict[str, Any]
    command: Annotated[str, Field(description="What a person would type in the trial's folder.")]

    @classmethod
    def of(cls, trial: PreviewedTrial) -> Self:
        """From a previewed trial."""
        return cls(number=trial.number, parameters=dict(trial.parameters), command=trial.command)


class AllowedShape(Shape):
    """How much of the search space its constraints allow."""

    fraction: Annotated[float, Field(description="Of the points, 0 to 1.")]
    error: Annotated[float, Field(description="Half of a 95 % interval; 0 when counted.")]
    points: Annotated[int | None, Field(description="Allowed points; null when not counted.")]

    @classmethod
    def of(cls, allowance: Allowance) -> Self:
        """From an allowance."""
        return cls(fraction=allowance.fraction, error=allowance.error, points=allowance.points)


class RangeShape(Shape):
    """Seconds: tenth percentile, median, ninetieth percentile."""

    low: float
    likely: float
    high: float

    @classmethod
    def of(cls, seconds: Range) -> Self:
        """From a range."""
        return cls(low=seconds.low, likely=seconds.likely, high=seconds.high)


class EstimateShape(Shape):
    """How long it may take, from earlier trials with the same code and command."""

    sweeps: Annotated[list[str], Field(description="Where those trials ran.")]
    trials: Annotated[int, Field(description="How many trials it rests on.")]
    trial_seconds: RangeShape
    sweep_seconds: RangeShape

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        """From an estimate."""
        return cls(
            sweeps=list(estimate.sweeps),
            trials=estimate.trials,
            trial_seconds=RangeShape.of(estimate.trial_seconds),
            sweep_seconds=RangeShape.of(estimate.sweep_seconds),
        )


class PreviewShape(Shape):
    """What is known of a sweep before it runs."""

    cardinality: Annotated[
        int | None,
        Field(description="Different points that can be drawn; null: without end or not counted."),
    ]
    allowed: Annotated[
        AllowedShape | None, Field(description="What the constraints allow; null without any.")
    ]
    trials: Annotated[
        list[PreviewedTrialShape], Field(description="The first trials, as the engine runs them.")
    ]
    trials_foretold: Annotated[
        int | None,
        Field(description="Later trials than so many depend on results; null: none does."),
    ]
    estimate: Annotated[
        EstimateShape | None, Field(description="Of the duration; null without earlier trials.")
    ]
    warnings: list[str]
    normalized: Annotated[
        dict[str, Any],
        Field(description="The document with everything filled in, a drawn seed included."),
    ]
    backend_request: Annotated[
        dict[str, Any] | None,
        Field(
            description="What Azure ML would be sent; {...} stands for what an upload tells. "
            "null when it cannot be sent, as a warning says."
        ),
    ]

    @classmethod
    def of(cls, found: Preview) -> Self:
        """From a preview."""
        return cls(
            cardinality=found.cardinality,
            allowed=AllowedShape.of(found.allowance) if found.allowance else None,
            trials=[PreviewedTrialShape.of(trial) for trial in found.trials],
            trials_foretold=found.foretold,
            estimate=EstimateShape.of(found.estimate) if found.estimate else None,
            warnings=list(found.warnings),
            normalized=found.document.normalized(),
            backend_request=None if found.azure_request is None else dict(found.azure_request),
        )


@router.post(
    "/preview", operation_id="preview_sweep", openapi_extra=body_of(SweepDocument, EXAMPLES)
)
def preview_sweep(
    body: Document,
    parts: Parts,
    trials: Annotated[
        int, Query(ge=0, le=MAX_TRIALS, description="How many trials to show at most.")
    ] = 10,
) -> PreviewShape:
    """Judge a sweep without storing or running anything.

    The answer shows how large the search space is, the first trials exactly as they will run
    with this seed, what is odd about the document, how long it may take, and the request that
    Azure ML would be sent.
    """
    return PreviewShape.of(
        preview(
            parts.db,
            parts.backends,
            parts.code,
            body,
            default_backend=parts.settings.default_backend,
            azure_request=parts.azure_request,
            count=trials,
        )
    )
