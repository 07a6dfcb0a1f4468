"""/v1/sweeps/{name}/trials: trials, their metrics, decisions, logs and artifacts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse

from app.api.parameters import Cursor, Limit, SweepName, TrialNumber
from app.api.shapes import ArtifactShape, DecisionShape, MetricShape, PageOf, TrialShape
from app.api.state import Parts
from app.backends.base import ArtifactNotFoundError, Backend, LogStream, backend_of
from app.parts import State
from app.services.removed import check_artifacts, check_logs
from app.services.resume import cancel_trial as end_trial
from app.services.resume import retry
from app.store import sweeps, trials
from app.sweep.state import TrialStatus

FOLLOW_SECONDS = 0.25
"""How often a followed log is read, where that costs little."""
REMOTE_FOLLOW_SECONDS = 2.0
"""How often at most where each reading is a call to somewhere else."""
router = APIRouter(prefix="/v1/sweeps/{name}/trials", tags=["trials"])


@router.get("", operation_id="list_trials")
def list_trials(
    name: SweepName,
    parts: Parts,
    status: TrialStatus | None = None,
    sort: Annotated[
        str, Query(max_length=50, description="number, objective, -objective or started_at")
    ] = "number",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOf[TrialShape]:
    """List a sweep's trials."""
    page = trials.page(parts.db, name, status=status, sort=sort, limit=limit, cursor=cursor)
    return PageOf(
        items=[TrialShape.of(trial) for trial in page.items], next_cursor=page.next_cursor
    )


@router.get("/{number}", operation_id="get_trial")
def get_trial(name: SweepName, number: TrialNumber, parts: Parts) -> TrialShape:
    """Read a trial."""
    return TrialShape.of(trials.get(parts.db, name, number))


@router.get("/{number}/metrics", operation_id="list_metrics")
def list_metrics(
    name: SweepName,
    number: TrialNumber,
    parts: Parts,
    metric: Annotated[str | None, Query(alias="name", max_length=250)] = None,
    after: Cursor = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PageOf[MetricShape]:
    """List what the trial's latest attempt reported, in the order of arrival.

    `after` and `cursor` mean the same: the `next_cursor` of the page before.
    """
    page = trials.metrics(parts.db, name, number, name=metric, after=after or cursor, limit=limit)
    return PageOf(
        items=[MetricShape.of(report) for report in page.items], next_cursor=page.next_cursor
    )


@router.get("/{number}/decisions", operation_id="list_decisions")
def list_decisions(
    name: SweepName,
    number: TrialNumber,
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOf[DecisionShape]:
    """List the early-termination ledger: each evaluation with its numbers and its reason."""
    page = trials.decisions(parts.db, name, number, limit=limit, cursor=cursor)
    return PageOf(
        items=[DecisionShape.of(each) for each in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/{number}/logs",
    operation_id="read_log",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def read_log(
    name: SweepName,
    number: TrialNumber,
    parts: Parts,
    stream: LogStream = "stdout",
    tail: Annotated[int | None, Query(ge=0, le=100_000, description="Last lines only.")] = None,
    *,
    follow: Annotated[bool, Query(description="Go on until the trial ends.")] = False,
) -> StreamingResponse:
    """Read what the trial printed."""
    backend = _backend(parts, name, number)
    if not follow:
        whole = backend.log(name, number, stream, tail=tail)
        first = next(whole, b"")
        if not first:
            check_logs(sweeps.get(parts.db, name), trials.get(parts.db, name, number))
        whole = chain([first], whole)
        return StreamingResponse(whole, media_type="text/plain; charset=utf-8")

    def ended() -> bool:
        return parts.broadcast.ended or trials.get(parts.db, name, number).status.finished

    def read(offset: int) -> bytes:
        return b"".join(backend.log(name, number, stream, offset=offset))

    pace = FOLLOW_SECONDS
    if backend.poll_interval is not None:
        pace = max(pace, min(REMOTE_FOLLOW_SECONDS, backend.poll_interval))
    body = _followed(read, ended, tail, pace)
    return StreamingResponse(body, media_type="text/plain; charset=utf-8")


@router.get("/{number}/artifacts", operation_id="list_artifacts")
def list_artifacts(name: SweepName, number: TrialNumber, parts: Parts) -> PageOf[ArtifactShape]:
    """List the files that the trial left in ./outputs or logged through MLflow."""
    found = _backend(parts, name, number).artifacts(name, number)
    return PageOf(items=[ArtifactShape.of(artifact) for artifact in found], next_cursor=None)


@router.get(
    "/{number}/artifacts/{path:path}",
    operation_id="download_artifact",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def download_artifact(
    name: SweepName, number: TrialNumber, path: str, parts: Parts
) -> FileResponse:
    """Download one file."""
    backend = _backend(parts, name, number)
    try:
        file = backend.artifact_file(name, number, path)
    except ArtifactNotFoundError:
        check_artifacts(sweeps.get(parts.db, name), trials.get(parts.db, name, number))
        raise
    return FileResponse(
        file,
        media_type="application/octet-stream",
        filename=file.name,
        headers={"X-Content-Type-Options": "nosniff"},
    )


@router.post("/{number}/cancel", status_code=202, operation_id="cancel_trial")
def cancel_trial(name: SweepName, number: TrialNumber, parts: Parts) -> TrialShape:
    """End one trial; the sweep goes on without it."""
    return TrialShape.of(end_trial(parts.db, parts.backends, name, number))


@router.post("/{number}/retry", status_code=202, operation_id="retry_trial")
def retry_trial(name: SweepName, number: TrialNumber, parts: Parts) -> TrialShape:
    """Run a finished trial again, with the same parameters, as its next attempt.

    What the attempt before reported is replaced; models registered from it stay. A sweep that has
    finished goes on for this trial only.
    """
    trial = retry(parts.db, parts.backends, name, number)
    parts.attendant.wake(name)
    return TrialShape.of(trial)


def _backend(parts: State, name: str, number: int) -> Backend:
    """The backend of a trial that is on record."""
    trials.get(parts.db, name, number)
    return backend_of(parts.backends, sweeps.get(parts.db, name).backend)


async def _followed(
    read: Callable[[int], bytes], ended: Callable[[], bool], tail: int | None, pace: float
) -> AsyncIterator[bytes]:
    """The log as it grows: its last `tail` lines, then what follows, read every `pace` seconds."""
    over = await run_in_threadpool(ended)
    data = await run_in_threadpool(read, 0)
    offset = len(data)
    if tail is not None:
        data = b"".join(data.splitlines(keepends=True)[-tail:] if tail else [])
    yield data
    while not over:
        await asyncio.sleep(pace)
        over = await run_in_threadpool(ended)
        data = await run_in_threadpool(read, offset)
        offset += len(data)
        yield data
