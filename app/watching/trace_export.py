"""The SDK of OpenTelemetry, set up: whose traces they are, what is taken out, where they go.

Imported only where traces are wanted.
"""

from importlib.metadata import version
from threading import Timer

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.watching.redaction import redact

_LAST_SECONDS = 3.0
"""How long the end of the service waits for a receiver to take what is left."""


class TraceExport:
    """Spans are sent in batches by a thread of its own.

    Attributes:
        provider: makes them.
    """

    def __init__(self) -> None:
        given = OTELResourceDetector().detect().attributes
        own = {"service.name": "sweepfront", "service.version": version("sweepfront")}
        resource = Resource.create({name: word for name, word in own.items() if name not in given})
        self._exporter = OTLPSpanExporter()
        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.provider.add_span_processor(_Redacting())
        self.provider.add_span_processor(BatchSpanProcessor(self._exporter))

    def close(self) -> None:
        """Send what is left; a receiver that is away gets it no more."""
        # By itself the SDK would try each batch again until its time is up, one after the other.
        cut = Timer(_LAST_SECONDS, self._exporter.shutdown)
        cut.daemon = True
        cut.start()
        self.provider.shutdown()
        cut.cancel()


class _Redacting(SpanProcessor):
    """Takes secrets out of what a span begins with, such as the query of its request."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - of the protocol
        """Replace the attributes that hold any."""
        for name, value in dict(span.attributes or {}).items():
            if isinstance(value, str) and (clean := redact(value)) != value:
                span.set_attribute(name, clean)
