"""Traces of a real service, as a real receiver gets them."""

import time
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.served import Served, document, free_port, served
from tests.watching.otlp import attributes, trace_receiver

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{CALLER}-00f067aa0ba902b7-01"
LOSS = "python quadratic.py --x ${{search_space.x}}"
ONE = {"x": {"type": "choice", "values": [0.1]}}


def _run(service: Served, name: str, request_id: str, body: str = LOSS) -> str:
    answer = service.client.post(
        "/v1/sweeps",
        json={**document(body, ONE, code="job", sampling_algorithm="grid"), "name": name},
        headers={"traceparent": TRACEPARENT, "X-Request-ID": request_id},
    )
    assert answer.status_code == 202, answer.text
    return str(service.finished(name)["status"])


def _of(spans: list[Span], name: str, trace: str | None = None) -> list[Span]:
    return [
        span
        for span in spans
        if span.name == name and (trace is None or span.trace_id.hex() == trace)
    ]


def test_a_request_is_followed_to_the_backend(tmp_path: Path, scripts: Path) -> None:
    """In the caller's trace: the request, the look that it caused, the backend's calls."""
    with trace_receiver() as receiver:
        variables = {
            "SWEEPFRONT_TRACES": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
            # The tracker's own round may come first, and then it is no request that it follows.
            names = [f"traced-{number}" for number in range(3)]
            for name in names:
                assert _run(service, name, f"request-{name}") == "completed"
            service.client.get("/v1/sweeps?token=never-to-be-told")
            spans = receiver.until(lambda all_: bool(_of(all_, "GET /v1/sweeps")))
        spans = receiver.until(lambda all_: len(_of(all_, "local submit")) >= len(names))
        assert receiver.services == {"sweepfront"}
    _check_chain(spans)
    _check_later_looks(spans)
    (query,) = {attributes(span)["url.query"] for span in _of(spans, "GET /v1/sweeps")}
    assert query == "token=[redacted]"
    assert not [span for span in spans if "readyz" in span.name or "metrics" in span.name]


def _check_chain(spans: list[Span]) -> None:
    submit = _of(spans, "local submit", CALLER)[0]
    by_id = {span.span_id: span for span in spans}
    look = by_id[submit.parent_span_id]
    facts = attributes(look)
    assert look.name == "look"
    assert facts["sweepfront.request_id"] == f"request-{facts['sweepfront.sweep']}"
    assert facts["sweepfront.outcome"] == "done"
    assert attributes(submit)["sweepfront.backend"] == "local"
    assert submit.kind == Span.SPAN_KIND_CLIENT
    above = by_id[look.parent_span_id]
    while above.parent_span_id in by_id:
        above = by_id[above.parent_span_id]
    assert above.name == "POST /v1/sweeps"
    assert above.kind == Span.SPAN_KIND_SERVER
    assert above.parent_span_id.hex() == TRACEPARENT.split("-")[2]
    assert above.start_time_unix_nano < submit.start_time_unix_nano


def _check_later_looks(spans: list[Span]) -> None:
    """They have traces of their own, in which the calls are, and name the request by a link."""
    later = [span for span in _of(spans, "look") if span.trace_id.hex() != CALLER]
    linked = [span for span in later if span.links]
    assert linked
    assert {link.trace_id.hex() for span in linked for link in span.links} == {CALLER}
    assert not [span for span in later if span.parent_span_id]
    observed = {span.trace_id for span in _of(spans, "local observe")}
    assert {span.trace_id for span in later} <= observed


@pytest.mark.slow
def test_errors_of_a_backend_are_in_its_span(tmp_path: Path, scripts: Path) -> None:
    """With their kind and without secrets; the metrics count the same."""
    with trace_receiver() as receiver:
        variables = {
            "SWEEPFRONT_TRACES": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_SERVICE_NAME": "sweeps-of-the-lab",
        }
        with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
            body = document(LOSS, ONE, code="job")
            body["inputs"] = {
                "table": {
                    "type": "uri_file",
                    "path": f"http://me:pass-of-mine@127.0.0.1:{free_port()}/table.csv",
                }
            }
            body["trial"]["command"] += " --table ${{inputs.table}}"
            name = service.submit(body)["name"]
            service.until(name, lambda sweep: bool(sweep["sync_error"]) or sweep["finished_at"])
            spans = receiver.until(
                lambda all_: any(s.status.code == Status.STATUS_CODE_ERROR for s in all_)
            )
        assert receiver.services == {"sweeps-of-the-lab"}
    failed = [span for span in spans if span.status.code == Status.STATUS_CODE_ERROR]
    assert {span.name for span in failed} == {"local submit"}
    assert {attributes(span)["error.type"] for span in failed} <= {
        "preparing",
        "unavailable",
        "refused",
    }
    assert "pass-of-mine" not in repr(spans)


@pytest.mark.slow
def test_nobody_waits_for_a_receiver_that_is_away(tmp_path: Path, scripts: Path) -> None:
    """Sweeps run, requests are answered, and the service ends in time."""
    variables = {
        "SWEEPFRONT_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
    }
    with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
        assert _run(service, "unseen", "request-unseen") == "completed"
        for _ in range(800):
            # More spans than fit into one batch, and than the SDK holds ready.
            assert service.client.get("/v1/sweeps/unseen").status_code == 200
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 20
        assert "Finished server process" in service.log()
        assert "Traceback" not in service.log()


@pytest.mark.slow
def test_without_the_setting_nothing_is_sent(tmp_path: Path, scripts: Path) -> None:
    """Whatever OpenTelemetry's own variables say."""
    with trace_receiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
            assert _run(service, "untold", "request-untold") == "completed"
        assert receiver.spans == []
