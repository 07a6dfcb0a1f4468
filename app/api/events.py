"""/v1/events: what happened, in the order in which it was committed."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.parameters import Limit, SweepName
from app.api.shapes import EventShape, PageOf
from app.api.state import Parts
from app.store import events, sweeps

router = APIRouter(prefix="/v1", tags=["events"])

After = Annotated[int, Query(ge=0, le=2**63 - 1, description="Events after this id.")]


@router.get("/events", operation_id="list_events")
def list_events(parts: Parts, after: After = 0, limit: Limit = 50) -> PageOf[EventShape]:
    """List events of all sweeps, oldest first; pass `next_cursor` as `after`."""
    return _page(parts, None, after, limit)


@router.get("/sweeps/{name}/events", operation_id="list_sweep_events")
def list_sweep_events(
    name: SweepName, parts: Parts, after: After = 0, limit: Limit = 50
) -> PageOf[EventShape]:
    """List a sweep's events, oldest first; pass `next_cursor` as `after`."""
    sweeps.get(parts.db, name)
    return _page(parts, name, after, limit)


def _page(parts: Parts, sweep: str | None, after: int, limit: int) -> PageOf[EventShape]:
    found = events.page(parts.db, sweep=sweep, after=after, limit=limit)
    following = str(found[-1].id) if len(found) == limit else None
    return PageOf(items=[EventShape.of(event) for event in found], next_cursor=following)
