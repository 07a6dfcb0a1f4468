"""The SDK of OpenTelemetry, set up: whose traces they are, what is taken out, where they go.

Imported only where traces are wanted.
"""

from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.watching.redaction import redact


def provider() -> TracerProvider:
    """Makes spans and sends them in batches, by a thread of its own."""
    given = OTELResourceDetector().detect().attributes
    own = {"service.name": "sweepfront", "service.version": version("sweepfront")}
    resource = Resource.create({name: word for name, word in own.items() if name not in given})
    made = TracerProvider(resource=resource, shutdown_on_exit=False)
    made.add_span_processor(_Redacting())
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


class _Redacting(SpanProcessor):
    """Takes secrets out of what a span begins with, such as the query of its request."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - of the protocol
        """Replace the attributes that hold any."""
        for name, value in dict(span.attributes or {}).items():
            if isinstance(value, str) and (clean := redact(value)) != value:
                span.set_attribute(name, clean)
