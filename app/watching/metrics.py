"""What is counted while the service works; each worker process counts for itself.

Where `PROMETHEUS_MULTIPROC_DIR` names a folder when a process starts, the processes that share it
are added up by whichever answers `/metrics`.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from fastapi import FastAPI
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_fastapi_instrumentator.metrics import default

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SHARED = "PROMETHEUS_MULTIPROC_DIR"
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # its makers gave it none
COUNTED = CollectorRegistry()
"""By this process."""
_OWN = CollectorRegistry()
"""Of this process."""
_REQUESTS = default(registry=COUNTED, should_exclude_streaming_duration=True)
_LOOKS = Counter(
    "sweepfront_looks",
    "Looks of the tracker at a sweep, by backend and what came of them.",
    ["backend", "outcome"],
    registry=COUNTED,
)
_LOOK_SECONDS = Histogram(
    "sweepfront_look_duration_seconds",
    "How long a look took.",
    ["backend"],
    buckets=_SLOW,
    registry=COUNTED,
)
_CALLS = Histogram(
    "sweepfront_backend_call_duration_seconds",
    "How long a call of a backend took, failed ones included.",
    ["backend", "call"],
    buckets=_SLOW,
    registry=COUNTED,
)
_ERRORS = Counter(
    "sweepfront_backend_errors",
    "Calls of a backend that failed, by kind.",
    ["backend", "kind"],
    registry=COUNTED,
)
_DELIVERIES = Counter(
    "sweepfront_webhook_attempts",
    "Attempts to deliver a message to a webhook, by what came of them.",
    ["outcome"],
    registry=COUNTED,
)
for word in ("delivered", "pending", "failed"):
    _DELIVERIES.labels(word)


def count_requests(app: FastAPI, *, alone: bool) -> None:
    """Count and time what the application answers, by the template of the route.

    Args:
        app: the application.
        alone: no other process answers on its port: memory, time and files of this one are told.
    """
    if alone:
        _tell_of_process()
    instrument = Instrumentator(should_group_status_codes=False, registry=COUNTED)
    instrument.add(_REQUESTS).instrument(app)


@cache
def _tell_of_process() -> None:
    for collect in (ProcessCollector, PlatformCollector, GCCollector):
        collect(registry=_OWN)


def look_ended(backend: str, outcome: str, seconds: float) -> None:
    """The tracker has looked at a sweep."""
    _LOOKS.labels(backend, outcome).inc()
    _LOOK_SECONDS.labels(backend).observe(seconds)


@contextmanager
def timed_call(backend: str, call: str) -> Iterator[None]:
    """A call of a backend."""
    began = time.perf_counter()
    try:
        yield
    finally:
        _CALLS.labels(backend, call).observe(time.perf_counter() - began)


def expect_errors(backend: str, kinds: Iterable[str]) -> None:
    """Begin to count a backend's errors: what has not happened yet is zero, not unknown."""
    for kind in kinds:
        _ERRORS.labels(backend, kind)


def backend_failed(backend: str, kind: str) -> None:
    """A call of a backend raised an error of that kind."""
    _ERRORS.labels(backend, kind).inc()


def attempted(outcome: str) -> None:
    """Somebody's webhook was sent a message, or could not be."""
    _DELIVERIES.labels(outcome).inc()


def exposition(now: Iterable[Metric]) -> bytes:
    """Everything, in the text format of Prometheus; `now` is measured at this moment."""
    return generate_latest(_Everything(now))


class _Everything:
    """What was counted, by this process or by all that share a folder, and what is measured."""

    def __init__(self, now: Iterable[Metric]) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """All families, as prometheus-client asks for them."""
        counted = COUNTED
        if SHARED in os.environ:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]  # its makers gave it none
        yield from counted.collect()
        yield from _OWN.collect()
        yield from self._now
