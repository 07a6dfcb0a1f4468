"""What goes wrong between the client and a service, and what the client makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweepfront import (
    AnswerError,
    Client,
    RefusedError,
    ServiceError,
    SweepfrontError,
    SweepHandle,
    UnavailableError,
)
from tests.client.conftest import quadratic, url_of
from tests.client.proxy import Proxy
from tests.served import ROOT, Json, Served, free_port, served


def test_a_fault_is_shown_with_its_place_and_remedy(client: Client) -> None:
    """In the message, and field by field."""
    body = quadratic() | {"limits": {"max_trials": 4}}
    with pytest.raises(RefusedError) as refused:
        client.submit(body)
    error = refused.value
    assert (error.status, error.type) == (422, "/v1/problems/invalid-document")
    assert error.title == "Invalid document"
    places = [fault.pointer for fault in error.errors]
    assert "/limits/max_trials" in places
    assert error.request_id
    first, *rest = str(error).splitlines()
    assert first == f"Invalid document (422): {error.detail}"
    assert "  /limits/max_trials: unknown key 'max_trials'; did you mean" in "\n".join(rest)
    assert isinstance(error, SweepfrontError)


def test_a_name_reaches_no_other_resource(client: Client) -> None:
    """Whatever is in it."""
    for name in ("none", "../models", "a b/c?d#e"):
        with pytest.raises(RefusedError) as refused:
            client.sweep(name)
        assert refused.value.status in (404, 422)


def test_nobody_at_the_address_is_said_with_what_to_do() -> None:
    """And an address that is none."""
    with Client(f"http://127.0.0.1:{free_port()}") as away:
        with pytest.raises(UnavailableError, match="start one with: python -m app serve"):
            away.sweep("any")
        assert not away.ready()
    for url in ("127.0.0.1:8000", "ftp://host", "http://[::"):
        with pytest.raises(UnavailableError, match="is no address of a service"):
            Client(url)


def test_the_address_is_taken_from_the_environment(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless one is given."""
    monkeypatch.setenv("SWEEPFRONT_URL", f"{service.client.base_url}/")
    with Client() as client:
        assert client.ready()
        assert client.url == str(service.client.base_url).rstrip("/")


def test_headers_go_with_every_request(proxy: Proxy) -> None:
    """Such as a key that a proxy asks for."""
    with Client(proxy.url, headers={"X-Key": "secret"}) as client:
        client.backends()
    assert proxy.requests[0][2]["x-key"] == "secret"


def test_a_submission_whose_answer_is_lost_is_one_sweep(proxy: Proxy, client: Client) -> None:
    """It is sent again under the same key."""
    experiment = f"lost-{os.getpid()}"
    proxy.lose = 2
    with Client(proxy.url) as shaky:
        name = shaky.submit(quadratic(experiment_name=experiment)).name
    assert proxy.asked("POST") == 3
    assert len({headers["idempotency-key"] for _, _, headers in proxy.requests}) == 1
    assert [each.name for each in client.sweeps(experiment_name=experiment)] == [name]


def test_what_may_not_be_done_twice_is_not_repeated(proxy: Proxy, client: Client) -> None:
    """A read is, a cancellation is not; the error says that the connection broke."""
    name = client.submit(quadratic()).name
    with Client(proxy.url) as shaky:
        proxy.lose = 1
        handle = shaky.sweep(name)
        assert proxy.asked("GET") == 2
        proxy.lose = 1
        with pytest.raises(UnavailableError, match="does not answer"):
            handle.cancel()
    assert proxy.asked("POST") == 1


@pytest.mark.slow
def test_a_wait_outlives_a_restart_of_the_service(scripts: Path, tmp_path: Path) -> None:
    """The service is away for a moment; the sweep is not."""
    with served(tmp_path / "data", code_root=scripts) as service, Client(url_of(service)) as client:
        handle = client.submit(quadratic())
        service.kill()
        service.launch()
        assert handle.wait(progress=False, timeout=60).status == "completed"


def test_fields_of_a_newer_service_are_passed_over(proxy: Proxy, finished: SweepHandle) -> None:
    """At every level, and so are words that this client does not know."""

    def newer(body: Json) -> Json:
        if "items" in body:
            return {**body, "items": [newer(item) for item in body["items"]], "pages": 1}
        counts = {**body.get("trial_counts", {}), "paused": 7}
        return {**body, "colour": {"of": "hope"}, "trial_counts": counts, "status": "paused"}

    proxy.alter = newer
    with Client(proxy.url) as client:
        handle = client.sweep(finished.name)
        assert handle.status == "paused"
        assert not handle.sweep.finished
        assert handle.sweep.trial_counts == finished.sweep.trial_counts
        assert {trial.status for trial in handle.trials()} == {"paused"}


def test_an_answer_that_is_none_of_ours_is_said_so(proxy: Proxy, finished: SweepHandle) -> None:
    """A missing field is named; so is what answers in another way."""
    with Client(proxy.url) as client:
        proxy.alter = lambda body: {key: body[key] for key in body if key != "status"}
        with pytest.raises(AnswerError, match=r"Sweep.status: "):
            client.sweep(finished.name)
        proxy.alter = lambda body: {"title": 1, "body": body}
        with pytest.raises(RefusedError, match="404") as refused:
            client.sweep("none")
        assert refused.value.type == "about:blank"
        with pytest.raises(AnswerError, match="not as this client understands it"):
            client.backends()
    with Client(f"{proxy.url}/docs") as lost, pytest.raises(RefusedError, match="404"):
        lost.backends()


def test_a_service_in_trouble_is_another_error_than_a_refusal(proxy: Proxy) -> None:
    """A proxy's own answer counts: its target is away."""
    proxy.fail = 503
    with Client(proxy.url) as client, pytest.raises(ServiceError) as trouble:
        client.backends()
    assert (trouble.value.status, trouble.value.retry_after) == (503, 2.0)
    assert not isinstance(trouble.value, RefusedError)


def test_an_interrupted_download_leaves_nothing(
    proxy: Proxy, finished: SweepHandle, tmp_path: Path
) -> None:
    """Neither half a file nor a draft of it."""
    with Client(proxy.url) as client:
        handle = client.sweep(finished.name)
        proxy.cut = 1
        with pytest.raises(UnavailableError):
            handle.download(2, "outputs/model.pkl", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_importing_the_client_loads_neither_the_service_nor_heavy_libraries() -> None:
    """It starts as quickly in a notebook as on the command line."""
    code = "import sys, sweepfront; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "sweepfront" in loaded
    assert not loaded & {"app", "pandas", "numpy", "pydantic_settings", "fastapi", "sqlalchemy"}
