"""What a real service tells Prometheus, and what it tells of its parts."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.served import Served, document, served, slow_sweep

Sample = tuple[str, frozenset[tuple[str, str]]]


class Figures:
    """The samples of a scrape."""

    def __init__(self, service: Served) -> None:
        answer = service.client.get("/metrics")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        self._samples: dict[Sample, float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    def get(self, name: str, **labels: str) -> float | None:
        """One sample; None: it is not told."""
        return self._samples.get((name, frozenset(labels.items())))

    def handlers(self) -> set[str]:
        """The routes of which requests were counted."""
        return {
            dict(labels)["handler"]
            for name, labels in self._samples
            if name == "http_requests_total"
        }


def _until(service: Served, wanted: Callable[[Figures], bool], *, within: float = 120.0) -> Figures:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        figures = Figures(service)
        if wanted(figures):
            return figures
        time.sleep(0.05)
    raise AssertionError(f"not within {within} s: {service.client.get('/metrics').text}")


def test_a_sweep_is_seen_from_its_start_to_its_end(service: Served) -> None:
    """In slots, trials and sweeps while it runs; in looks and calls afterwards."""
    before = Figures(service).get("sweepfront_backend_call_duration_seconds_count", **SUBMIT) or 0
    name = service.submit(slow_sweep(2, 2000, 0.05))["name"]
    busy = _until(service, lambda it: it.get("sweepfront_trials", **RUNNING) == 2)
    assert busy.get("sweepfront_sweeps", backend="local", status="running") == 1
    assert busy.get("sweepfront_engine_slots") == 2
    _until(service, lambda it: it.get("sweepfront_engine_slots_busy") == 2)
    service.client.post(f"/v1/sweeps/{name}/cancel")
    service.finished(name)
    idle = _until(service, lambda it: it.get("sweepfront_engine_slots_busy") == 0)
    assert idle.get("sweepfront_trials", **RUNNING) == 0
    assert idle.get("sweepfront_queue_age_seconds", backend="local") == 0
    assert idle.get("sweepfront_backend_call_duration_seconds_count", **SUBMIT) == before + 1
    assert idle.get("sweepfront_looks_total", backend="local", outcome="done")
    assert idle.get("sweepfront_backend_errors_total", backend="local", kind="sign_in") == 0


RUNNING = {"backend": "local", "status": "running"}
SUBMIT = {"backend": "local", "call": "submit"}


def test_requests_are_counted_by_the_template_of_their_route(service: Served) -> None:
    """Names that callers make up are no labels."""
    for path in ("/v1/sweeps/no-such-1", "/v1/sweeps/no-such-2", "/nowhere/1", "/nowhere/2"):
        assert service.client.get(path).status_code == 404
    figures = Figures(service)
    lost = figures.get(
        "http_requests_total", handler="/v1/sweeps/{name}", method="GET", status="404"
    )
    assert lost is not None
    assert lost >= 2
    assert "none" in figures.handlers()
    assert not [handler for handler in figures.handlers() if "no-such" in handler]


@pytest.mark.slow
def test_checks_are_told_apart(tmp_path: Path, scripts: Path) -> None:
    """A backend elsewhere that cannot be used is told and does not count; a dead engine counts."""
    variables = {"SWEEPFRONT_AZURE_SUBSCRIPTION_ID": "0000"}
    with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
        checks = service.get("/readyz")["checks"]
        assert [name for name, words in checks.items() if words == "ok"] == [
            "database",
            "tracker",
            "local",
        ]
        assert "SWEEPFRONT_AZURE_WORKSPACE" in checks["azureml"]
        figures = Figures(service)
        told = {name: figures.get("sweepfront_check_ok", check=name) for name in checks}
        assert told == {"database": 1, "tracker": 1, "local": 1, "azureml": 0}
        engine = service.engine_pid()
        os.kill(engine, signal.SIGSTOP)
        try:
            answer = service.client.get("/readyz")
            assert answer.status_code == 503
            assert answer.json()["checks"]["local"] != "ok"
            assert answer.json()["checks"]["database"] == "ok"
            figures = Figures(service)
            assert figures.get("sweepfront_check_ok", check="local") == 0
            assert figures.get("sweepfront_engine_slots") is None
            assert figures.get("sweepfront_sweeps", backend="local", status="queued") == 0
        finally:
            os.kill(engine, signal.SIGCONT)


@pytest.mark.slow
def test_processes_that_share_a_folder_are_added_up(tmp_path: Path, scripts: Path) -> None:
    """Either of them tells what both have done, and what one did that has ended."""
    shared = tmp_path / "shared"
    shared.mkdir()
    variables = {"PROMETHEUS_MULTIPROC_DIR": str(shared)}
    with (
        served(tmp_path / "one", code_root=scripts, environment=variables) as one,
        served(tmp_path / "two", code_root=scripts, environment=variables) as two,
    ):
        for service in (one, two):
            space = {"x": {"type": "choice", "values": [0.1]}}
            body = document("python quadratic.py --x ${{search_space.x}}", space, code="job")
            name = service.submit({**body, "sampling_algorithm": "grid"})["name"]
            assert service.finished(name)["status"] == "completed"
        for service in (one, two):
            figures = Figures(service)
            made = figures.get(
                "http_requests_total", handler="/v1/sweeps", method="POST", status="202"
            )
            assert made == 2
            assert figures.get("sweepfront_backend_call_duration_seconds_count", **SUBMIT) == 2
            assert figures.get("sweepfront_build_info", version="0.1.0") == 1
        two.kill()
        figures = Figures(one)
        assert figures.get("sweepfront_backend_call_duration_seconds_count", **SUBMIT) == 2
