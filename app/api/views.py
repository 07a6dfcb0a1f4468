"""/v1/sweeps/{name}/views: chart-neutral data, for the page and for dashboards of others."""

from importlib.metadata import version
from typing import Annotated, Any, Literal
from zlib import crc32

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BeforeValidator, Field
from pydantic_core import to_json

from app.api.parameters import SweepName
from app.api.shapes import Shape
from app.api.state import Parts
from app.services.views import DEFAULT_POINTS, MOST_CURVES, MOST_POINTS_OF_ALL, ViewOptions
from app.sweep.errors import NotFoundError
from app.sweep.state import TrialStatus
from app.views.curves import FEWEST_POINTS, MOST_POINTS
from app.views.shape import VIEWS, View, ViewName

router = APIRouter(prefix="/v1/sweeps/{name}/views", tags=["dashboards"])

_NOT_MODIFIED = 304
_VERSION = version("sweepfront")
"""What browsers have kept may be of a release that shows the same records in another way."""
_EXAMPLE: dict[str, Any] = {
    "view": "history",
    "sweep": "concrete-1",
    "axes": [
        {
            "name": "number",
            "label": "trial",
            "type": "number",
            "scale": "linear",
            "domain": None,
            "direction": None,
        },
        {
            "name": "objective",
            "label": "sqrt_mse",
            "type": "number",
            "scale": "linear",
            "domain": None,
            "direction": "minimize",
        },
    ],
    "series": [
        {
            "name": "trials",
            "axes": ["number", "objective"],
            "points": [[0, 8.2], [1, 10.4]],
            "trial": None,
            "status": None,
            "marks": [],
        }
    ],
    "next_after": 41,
    "complete": True,
}


def _known(name: str) -> str:
    if name not in VIEWS:
        raise NotFoundError(f"There is no view named {name!r}; choose among: {', '.join(VIEWS)}.")
    return name


class AxisShape(Shape):
    """One quantity."""

    name: str
    label: str
    type: Literal["number", "category", "time"]
    scale: Literal["linear", "log"]
    domain: Annotated[
        list[Any] | None, Field(description="[low, high] of numbers; the categories in order.")
    ]
    direction: Literal["minimize", "maximize"] | None


class SeriesShape(Shape):
    """Rows of values; a column for each of `axes`."""

    name: str
    axes: list[str]
    points: list[list[bool | float | str | None]]
    trial: Annotated[int | None, Field(description="The trial that all rows are about.")]
    status: TrialStatus | None
    marks: Annotated[
        list[dict[str, Any]], Field(description="Points with a meaning, such as a trial's stop.")
    ]


class ViewShape(Shape):
    """One way to look at a sweep."""

    model_config = {"json_schema_extra": {"example": _EXAMPLE}}

    view: ViewName
    sweep: str
    axes: list[AxisShape]
    series: list[SeriesShape]
    next_after: Annotated[int, Field(description="Pass it as `after`.")]
    complete: Annotated[bool, Field(description="False: only what has changed since `after`.")]


@router.get(
    "/{view}",
    operation_id="get_view",
    response_model=ViewShape,
    responses={_NOT_MODIFIED: {"description": "What you have is still true."}},
)
def get_view(
    name: SweepName,
    view: Annotated[
        ViewName, BeforeValidator(_known), Path(description="Which way to look at the sweep.")
    ],
    parts: Parts,
    after: Annotated[
        int,
        Query(ge=0, le=2**63 - 1, description="next_after of an earlier answer: changes since."),
    ] = 0,
    metric: Annotated[
        str | None,
        Query(max_length=250, description="Of learning-curves; default: the primary metric."),
    ] = None,
    points: Annotated[
        int,
        Query(
            ge=FEWEST_POINTS,
            le=MOST_POINTS,
            description=f"Of each learning curve of the last {MOST_CURVES} trials; fewer where "
            f"all would have more than {MOST_POINTS_OF_ALL}.",
        ),
    ] = DEFAULT_POINTS,
    parameter: Annotated[
        str | None, Query(max_length=100, description="Of slice: the only hyperparameter.")
    ] = None,
    if_none_match: Annotated[str | None, Header(max_length=2000)] = None,
) -> Response:
    """Read a sweep as axes and series, ready to be drawn; with an ETag.

    With `after`, only rows and series of trials that have changed since: replace those you have
    by the trial's number. What sums all trials up ("best so far", importance, timeline) is whole.
    """
    options = ViewOptions(after=after, metric=metric, points=points, parameter=parameter)
    newest = parts.views.newest(name)
    headers = {"Cache-Control": "no-cache", "ETag": _tag(view, options, newest)}
    if _matches(if_none_match, headers["ETag"]):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    newest, body = parts.views.body(name, view, options, _encoded)
    headers["ETag"] = _tag(view, options, newest)
    return Response(body, media_type="application/json", headers=headers)


def _tag(view: ViewName, options: ViewOptions, newest: int) -> str:
    """Another one when something has happened, was asked for otherwise, or is told otherwise."""
    return f'"{newest}-{crc32(repr((_VERSION, view, options)).encode()):08x}"'


def _matches(sent: str | None, tag: str) -> bool:
    """Compared weakly, as If-None-Match is (RFC 9110, 13.1.2)."""
    if sent is None:
        return False
    return sent.strip() == "*" or tag in (
        each.strip().removeprefix("W/") for each in sent.split(",")
    )


def _encoded(view: View) -> bytes:
    """Once, from plain values: validating every cell again would take longer than all else."""
    return to_json(view, inf_nan_mode="strings")
