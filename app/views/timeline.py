"""The timeline: which trial held which slot, and when."""

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime

from app.sweep.record import Outcome
from app.views.axes import NUMBER, STATUS
from app.views.shape import Axis, Row, Series, moment

_FIRST = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_AXES = [
    Axis(name="slot", label="slot"),
    NUMBER,
    Axis(name="attempt", label="attempt"),
    STATUS,
    Axis(name="queued_at", label="queued", type="time"),
    Axis(name="started_at", label="started", type="time"),
    Axis(name="finished_at", label="finished", type="time"),
]


def timeline(outcomes: Sequence[Outcome]) -> tuple[list[Axis], list[Series]]:
    """Series "trials": a row for each that has started; `finished_at` is null while it runs.

    Backends do not say which slot a trial had: each is given the first that was free then, so
    that there are as many slots as trials ran at once.
    """
    started = [each for each in outcomes if each.started_at is not None]
    started.sort(key=lambda each: (each.started_at or _FIRST, each.number))
    busy: list[tuple[datetime, int]] = []
    free: list[int] = []
    rows: list[Row] = []
    for each in started:
        start = each.started_at or _FIRST
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        slot = heapq.heappop(free) if free else len(busy)
        # Of one that ended nobody knows when, nothing is known to have taken its slot from others.
        until = each.finished_at or (start if each.status.finished else _NEVER)
        heapq.heappush(busy, (until, slot))
        rows.append(
            (
                slot,
                each.number,
                each.attempt,
                each.status.value,
                moment(each.queued_at),
                moment(each.started_at),
                moment(each.finished_at),
            )
        )
    return list(_AXES), [Series(name="trials", axes=[axis.name for axis in _AXES], points=rows)]
