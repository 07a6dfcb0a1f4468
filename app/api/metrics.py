"""Figures for Prometheus."""

from fastapi import APIRouter, Response

from app.api.state import Parts
from app.services import readiness
from app.store.census import census
from app.sweep.census import Census
from app.sweep.errors import StoreBusyError
from app.watching.gauges import measured
from app.watching.metrics import MEDIA_TYPE, exposition

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(parts: Parts) -> Response:
    """Tell what is counted and measured, in the text format of Prometheus."""
    found = readiness.look(parts.db, parts.attendant, parts.backends)
    checks = {name: words == readiness.OK for name, words in found.checks.items()}
    figures: Census | None = None
    if checks[readiness.DATABASE]:
        try:
            figures = census(parts.db, parts.backends)
        except StoreBusyError:
            checks[readiness.DATABASE] = False
    now = measured(checks, figures, found.slots)
    return Response(exposition(now), media_type=MEDIA_TYPE)
