"""Traces, where the settings ask for them: from a request to the backend calls that follow from it.

OpenTelemetry's own variables say where they go: `OTEL_EXPORTER_OTLP_ENDPOINT` and its like. Without
traces a span costs a microsecond, and the SDK is never imported.
"""

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.watching.redaction import redact

_TRACER = trace.get_tracer("sweepfront")
_CARRIER = TraceContextTextMapPropagator()
_REMEMBERED = 10_000
"""Sweeps of which the request that submitted or changed them last is known."""
_PROBES = ("/healthz", "/readyz", "/metrics")
OFF = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)
"""FastAPI's hook while nobody asks for traces."""


class Tracing:
    """The way of traces out of this process; one for each."""

    def __init__(self) -> None:
        """Open it; a receiver that is away costs the spans of that time and nothing else."""
        from app.watching.trace_export import TraceExport  # noqa: PLC0415 - the SDK is heavy

        self._export = TraceExport()
        trace.set_tracer_provider(self._export.provider)

    def hook(self) -> TelemetryConfig:
        """What `FastAPI(telemetry=...)` is told."""
        return {**OFF, "tracing": True, "tracer_provider": self._export.provider, "exclude": _probe}

    def close(self) -> None:
        """Send what is left."""
        self._export.close()


class Origins:
    """The requests that looks at sweeps follow from, as far as this process served them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._fresh: dict[str, SpanContext] = {}
        self._last: OrderedDict[str, SpanContext] = OrderedDict()

    def note(self, sweep: str) -> None:
        """The request that is served in this context asked for a look at the sweep."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return
        with self._lock:
            self._fresh[sweep] = self._last[sweep] = context
            self._last.move_to_end(sweep)
            while len(self._last) > _REMEMBERED:
                self._fresh.pop(self._last.popitem(last=False)[0], None)

    def of(self, sweep: str) -> tuple[Context, list[Link]]:
        """What the span of the next look belongs to.

        Returns:
            The request as its parent, for the first look after it; later ones are traces of their
            own that link to it.
        """
        with self._lock:
            parent = self._fresh.pop(sweep, None)
            last = self._last.get(sweep)
        if parent is not None:
            return trace.set_span_in_context(trace.NonRecordingSpan(parent)), []
        return Context(), [Link(last)] if last is not None else []


@contextmanager
def span(
    name: str,
    attributes: dict[str, str],
    *,
    outgoing: bool = False,
    origin: tuple[Context, list[Link]] | None = None,
) -> Iterator[Span]:
    """Something that takes time.

    Args:
        name: what it is.
        attributes: of what.
        outgoing: it is a call of another system.
        origin: what it belongs to; default: what this thread is about.
    """
    context, links = origin or (None, [])
    kind = SpanKind.CLIENT if outgoing else SpanKind.INTERNAL
    with _TRACER.start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    ) as opened:
        yield opened


def carried() -> dict[str, str]:
    """What this thread is about, to be told to another process; empty without traces."""
    carrier: dict[str, str] = {}
    _CARRIER.inject(carrier)
    return carrier


@contextmanager
def continued(carrier: dict[str, str]) -> Iterator[None]:
    """What another process was about, see `carried`, is what this thread is about."""
    token = attach(_CARRIER.extract(carrier))
    try:
        yield
    finally:
        detach(token)


def failed(opened: Span, kind: str, words: str) -> None:
    """Say of a span that it failed; secrets are taken out of the words."""
    opened.set_attribute("error.type", kind)
    opened.set_status(Status(StatusCode.ERROR, redact(words)))


def _probe(scope: MutableMapping[str, Any]) -> bool:
    return str(scope.get("path", "")).endswith(_PROBES)
