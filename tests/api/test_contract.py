"""The HTTP contract beside the happy path: names, keys, pages, files, models, documentation."""

import json
import re
import threading
import time
import uuid
from contextlib import closing
from http.client import HTTPConnection

import httpx
import pytest

from app.api.shapes import SweepShape
from tests.api.conftest import grid_of_five
from tests.served import Served, document


def test_the_same_name_and_document_is_the_same_sweep(service: Served) -> None:
    """202, then 200; another document under that name is a conflict."""
    body = grid_of_five(name=f"n-{uuid.uuid4().hex[:8]}")
    first = service.client.post("/v1/sweeps", json=body)
    again = service.client.post("/v1/sweeps", json=body)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.headers["Location"] == again.headers["Location"] == f"/v1/sweeps/{body['name']}"
    assert service.client.get(first.headers["Location"]).json()["name"] == body["name"]
    other = service.client.post("/v1/sweeps", json={**body, "description": "another"})
    assert other.status_code == 409
    assert service.finished(body["name"])["trial_counts"]["total"] == 5


def test_an_idempotency_key_makes_one_sweep_of_fifty_posts(service: Served) -> None:
    """In parallel, too; the same key with another document is refused."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    answers: list[httpx.Response] = []

    def post() -> None:
        answers.append(httpx.post(url, json=grid_of_five(), headers=key, timeout=30))

    url = f"{service.client.base_url}/v1/sweeps"
    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted({answer.status_code for answer in answers}) == [200, 202]
    assert [answer.status_code for answer in answers].count(202) == 1
    assert len({answer.json()["name"] for answer in answers}) == 1
    other = service.client.post("/v1/sweeps", json=grid_of_five(description="x"), headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-mismatch")


def test_yaml_is_taken_as_azure_writes_it(service: Served) -> None:
    """With $schema, the short form, the textual range and cloud keys, each warned of once."""
    text = """
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
trial:
  command: python quadratic.py --x ${{search_space.x}}
  code: job
  environment: azureml:env@latest
compute: azureml:cpu-cluster
sampling_algorithm: random
search_space:
  x: {type: choice, values: "range(1, 4)"}
objective: {primary_metric: loss, goal: Minimize}
limits: {max_total_trials: 1, trial_timeout: 600}
"""
    answer = service.client.post(
        "/v1/sweeps", content=text, headers={"Content-Type": "application/yaml"}
    )
    assert answer.status_code == 202, answer.text
    sweep = answer.json()
    assert sweep["document"]["search_space"]["x"]["values"] == [1, 2, 3]
    assert sweep["document"]["objective"]["goal"] == "minimize"
    assert sweep["document"]["sampling_algorithm"]["type"] == "random"
    assert isinstance(sweep["document"]["sampling_algorithm"]["seed"], int)
    for key in ("compute", "trial.environment"):
        assert len([words for words in sweep["warnings"] if words.startswith(key)]) == 1
    assert service.finished(sweep["name"])["status"] == "completed"


def test_lists_are_paged_filtered_and_sorted(service: Served, finished: str) -> None:
    """Trials by number and by objective; sweeps by status, experiment, tag and time."""
    path = f"/v1/sweeps/{finished}/trials"
    by_number = service.items(f"{path}?sort=number&limit=2")
    assert [trial["number"] for trial in by_number] == [0, 1, 2, 3, 4]
    best_first = service.items(f"{path}?sort=objective&limit=2")
    values = [trial["objective_value"] for trial in best_first]
    assert values == sorted(values)
    worst_first = service.items(f"{path}?sort=-objective&limit=3")
    assert [trial["objective_value"] for trial in worst_first] == sorted(values, reverse=True)
    assert service.items(f"{path}?status=failed") == []
    for query, found in (
        ("experiment_name=contract", True),
        ("experiment_name=other", False),
        ("tag=team:a:b", True),
        ("tag=team:b", False),
        ("status=completed&experiment_name=contract", True),
        ("status=failed&experiment_name=contract", False),
        ("created_before=2020-01-01T00:00:00Z", False),
        ("created_after=2020-01-01T00:00:00Z&experiment_name=contract", True),
    ):
        names = [sweep["name"] for sweep in service.items(f"/v1/sweeps?{query}")]
        assert (finished in names) is found, query


def test_a_sweep_is_listed_as_it_is_read(service: Served, finished: str) -> None:
    """The list is serialised apart from its shape: with a best trial, with failures, with neither."""
    space = {"x": {"type": "choice", "values": [1, 2]}}
    limits = {"max_total_trials": 2, "max_concurrent_trials": 2}
    label = f"e-{uuid.uuid4().hex[:8]}"
    for command in ("python fails.py", "true"):
        body = document(command, space, code="job", experiment_name=label, limits=limits)
        service.finished(service.submit(body)["name"])
    listed = service.items(f"/v1/sweeps?experiment_name={label}")
    listed += [s for s in service.items("/v1/sweeps") if s["name"] == finished]
    assert [len(sweep["failures"]) > 0 for sweep in listed] == [False, True, False]
    assert [sweep["best_trial"] is not None for sweep in listed] == [False, False, True]
    for sweep in listed:
        read = service.get(f"/v1/sweeps/{sweep['name']}")
        assert list(sweep.items()) == list(read.items())
        assert SweepShape.model_validate(sweep).model_dump(mode="json") == sweep


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sweeps?limit=0",
        "/v1/sweeps?limit=201",
        "/v1/sweeps?limit=ten",
        "/v1/sweeps?status=done",
        "/v1/sweeps?sort=colour",
        "/v1/sweeps?cursor=nonsense",
        "/v1/sweeps?tag=plain",
        "/v1/sweeps?created_after=yesterday",
        "/v1/sweeps/{name}/trials?sort=size",
        "/v1/sweeps/{name}/trials/minus-one",
        "/v1/sweeps/{name}/trials/0/logs?stream=both",
        "/v1/sweeps/{name}/trials/0/logs?tail=-1",
        "/v1/models/final_model/versions/x",
    ],
)
def test_parameters_that_make_no_sense_are_refused(
    service: Served, finished: str, path: str
) -> None:
    """422 as a problem that names the parameter."""
    answer = service.client.get(path.format(name=finished))
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["errors"][0]["pointer"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sweeps/none",
        "/v1/sweeps/none/trials",
        "/v1/sweeps/none/best-trial",
        "/v1/sweeps/none/events",
        "/v1/sweeps/{name}/trials/99",
        "/v1/sweeps/{name}/trials/99/metrics",
        "/v1/sweeps/{name}/trials/99/logs",
        "/v1/sweeps/{name}/trials/0/artifacts/outputs/none",
        "/v1/sweeps/{name}/trials/0/artifacts/../stdout.log",
        "/v1/sweeps/{name}/trials/0/artifacts/..%2Fstdout.log",
        "/v1/sweeps/{name}/trials/0/artifacts/..%2F..%2F..%2Fsweep.json",
        "/v1/sweeps/{name}/trials/0/artifacts/%2Fetc%2Fpasswd",
        "/v1/sweeps/{name}/trials/0/artifacts/outputs%00",
        "/v1/models/none",
        "/v1/models/none/versions/1",
        "/v1/models/none/versions/1/download",
        "/v1/problems/none",
        "/v1/nothing",
        "/nothing",
    ],
)
def test_what_is_not_there_is_not_found(service: Served, finished: str, path: str) -> None:
    """404 as a problem; an artifact's path never leaves its folder."""
    answer = service.client.get(path.format(name=finished))
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_says_which_are_taken(service: Served) -> None:
    """405 with Allow."""
    answer = service.client.put("/v1/sweeps")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert "POST" in answer.headers["Allow"]


def test_logs_and_artifacts_are_served(service: Served) -> None:
    """The whole log, its tail, and while it grows; artifacts with their sizes."""
    command = "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.2; done"
    body = document(command, {"x": {"type": "choice", "values": [1]}})
    body["limits"] = {"max_total_trials": 1}
    name = service.submit(body)["name"]
    service.until(name, lambda sweep: sweep["trial_counts"]["running"] == 1)
    path = f"/v1/sweeps/{name}/trials/0/logs?stream=stdout"
    seen = []
    with service.client.stream("GET", f"{path}&follow=true") as answer:
        assert answer.headers["content-type"].startswith("text/plain")
        seen += [(time.monotonic(), line) for line in answer.iter_lines()]
    assert [line for _, line in seen] == [f"line {n}" for n in range(1, 7)]
    assert seen[-1][0] - seen[0][0] > 0.3, "it came as it was written, not at the end"
    assert service.client.get(f"{path}&tail=2").text == "line 5\nline 6\n"
    assert service.client.get(f"{path}&tail=0").text == ""
    service.finished(name)


def test_events_tell_the_sweep_in_order(service: Served, finished: str) -> None:
    """From its creation to its end, with rising ids."""
    events = service.get(f"/v1/sweeps/{finished}/events?limit=200")["items"]
    ids = [event["id"] for event in events]
    assert ids == sorted(ids)
    assert {event["sweep"] for event in events} == {finished}
    assert service.get(f"/v1/events?after={ids[-1] - 1}&limit=1")["items"][0]["id"] == ids[-1]


def test_the_documentation_needs_no_other_host(service: Served) -> None:
    """Every script and style of /docs is served here, and the main example is in it."""
    assert service.client.get("/").headers["location"].endswith("/dashboard/")
    page = service.client.get("/docs").text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links
    for link in links:
        assert not link.startswith(("http:", "https:", "//")), link
        assert service.client.get(link).status_code == 200, link
    assert "://" not in page
    spec = service.get("/openapi.json")
    post = spec["paths"]["/v1/sweeps"]["post"]
    example = post["requestBody"]["content"]["application/json"]["examples"]["concrete"]["value"]
    assert example["objective"]["primary_metric"] == "sqrt_mse"
    assert "http" not in json.dumps(spec.get("servers", []))


def test_backends_and_health_answer(service: Served) -> None:
    """The default backend is local and healthy."""
    assert service.get("/healthz") == {"status": "ok"}
    assert set(service.get("/readyz")["checks"].values()) == {"ok"}
    (local,) = service.get("/v1/backends")["items"]
    assert (local["name"], local["default"], local["healthy"], local["slots"]) == (
        "local",
        True,
        True,
        2,
    )


@pytest.mark.slow
def test_a_connection_may_rest(service: Served) -> None:
    """Clients keep idle connections for some seconds (httpx: 5) and then use them again."""
    connection = HTTPConnection("127.0.0.1", service.port)
    with closing(connection):
        for _ in range(2):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            assert connection.sock is not None, "it was closed after the answer"
            time.sleep(7)
