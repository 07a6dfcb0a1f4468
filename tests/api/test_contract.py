"""The HTTP contract beside the happy path: names, keys, pages, files, models, documentation."""

import gzip
import hashlib
import io
import json
import re
import threading
import time
import uuid
import zipfile
from typing import Any

import httpx
import pytest

from tests.served import Json, Served, document

X = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.4, 0.5]}}


def _body(**more: Any) -> Json:  # noqa: ANN401 - any key of the document
    return document(
        "python quadratic.py --x ${{search_space.x}}",
        X,
        code="job",
        **{"sampling_algorithm": "grid", "limits": {"max_total_trials": 5}, **more},
    )


@pytest.fixture(scope="module")
def finished(service: Served) -> str:
    """A completed sweep of five trials."""
    name: str = service.submit(_body(experiment_name="contract", tags={"team": "a:b"}))["name"]
    assert service.finished(name)["status"] == "completed"
    return name


def test_the_same_name_and_document_is_the_same_sweep(service: Served) -> None:
    """202, then 200; another document under that name is a conflict."""
    body = _body(name=f"n-{uuid.uuid4().hex[:8]}")
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
        answers.append(httpx.post(url, json=_body(), headers=key, timeout=30))

    url = f"{service.client.base_url}/v1/sweeps"
    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted({answer.status_code for answer in answers}) == [200, 202]
    assert [answer.status_code for answer in answers].count(202) == 1
    assert len({answer.json()["name"] for answer in answers}) == 1
    other = service.client.post("/v1/sweeps", json=_body(description="x"), headers=key)
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


def test_registering_makes_numbered_versions_with_lineage(service: Served, finished: str) -> None:
    """201, then 200 for the same trial; the file downloads with its checksum."""
    model = f"m-{uuid.uuid4().hex[:8]}"
    path = f"/v1/sweeps/{finished}/register"
    first = service.client.post(path, json={"model_name": model})
    assert first.status_code == 201, first.text
    again = service.client.post(path, json={"model_name": model})
    assert (again.status_code, again.json()) == (200, first.json())
    version = first.json()
    best = service.get(f"/v1/sweeps/{finished}/best-trial")
    assert (version["version"], version["trial"]) == (1, best["number"])
    assert version["parameters"] == best["parameters"]
    assert version["objective"] == {
        "primary_metric": "loss",
        "goal": "minimize",
        "value": best["objective_value"],
    }
    sweep = service.get(f"/v1/sweeps/{finished}")
    assert version["tags"]["sweepfront.document_hash"] == sweep["document_hash"]
    file = service.client.get(f"/v1/models/{model}/versions/1/download")
    assert hashlib.sha256(file.content).hexdigest() == version["sha256"]
    assert file.text == str(best["parameters"]["x"])
    second = service.client.post(path, json={"model_name": model, "trial": 4})
    assert (second.status_code, second.json()["version"]) == (201, 2)
    assert [item["version"] for item in service.items(f"/v1/models/{model}")] == [2, 1]
    listed = {item["name"]: item for item in service.items("/v1/models")}
    assert listed[model]["versions"] == 2


def test_a_gate_refuses_with_the_comparison(service: Served, finished: str) -> None:
    """A worse trial does not become a version; nor one that breaks a guard."""
    model = f"m-{uuid.uuid4().hex[:8]}"
    path = f"/v1/sweeps/{finished}/register"
    gate: Json = {"min_improvement": 0.0}
    assert service.client.post(path, json={"model_name": model, "gate": gate}).status_code == 201
    worse = service.client.post(path, json={"model_name": model, "trial": 4, "gate": gate})
    assert worse.status_code == 409
    facts = worse.json()["facts"]["gate"]
    assert facts["improvement"] < 0
    assert facts["version"] == 1
    gate = {"guards": [{"metric": "loss", "max": 0.5}, {"metric": "absent", "min": 0}]}
    guarded = service.client.post(path, json={"model_name": "other", "gate": gate})
    assert guarded.status_code == 409
    assert "absent" in guarded.json()["detail"]
    assert service.client.get("/v1/models/other").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"model_name": "no/slash"}, 422, "/model_name"),
        ({"trial": 99}, 404, "99"),
        ({"trial": -1}, 422, "/trial"),
        ({"artifact_path": "outputs/none"}, 409, "outputs/model.pkl"),
        ({"artifact_path": "../stdout.log"}, 409, "artifact"),
        ({"modelname": "x"}, 422, "model_name"),
        ({"gate": {"guards": [{"metric": "loss"}]}}, 422, "exactly one"),
    ],
)
def test_a_registration_that_cannot_be_is_refused(
    service: Served, finished: str, body: Json, status: int, word: str
) -> None:
    """Each with its reason."""
    answer = service.client.post(f"/v1/sweeps/{finished}/register", json=body)
    assert answer.status_code == status, answer.text
    assert word in answer.text


def test_deleting_needs_a_finished_sweep(service: Served) -> None:
    """Archived sweeps leave the list; purged ones are gone, their models stay."""
    slow = document("sleep 30", {"x": {"type": "choice", "values": [1]}})
    running = service.submit(slow)["name"]
    assert service.client.delete(f"/v1/sweeps/{running}").status_code == 409
    service.client.post(f"/v1/sweeps/{running}/cancel")
    service.finished(running)
    name = service.submit(_body())["name"]
    service.finished(name)
    model = f"m-{uuid.uuid4().hex[:8]}"
    service.client.post(f"/v1/sweeps/{name}/register", json={"model_name": model})
    assert service.client.delete(f"/v1/sweeps/{name}").status_code == 204
    assert name not in [sweep["name"] for sweep in service.items("/v1/sweeps")]
    assert service.client.get(f"/v1/sweeps/{name}").status_code == 200
    assert service.client.delete(f"/v1/sweeps/{name}?purge=true").status_code == 204
    assert service.client.get(f"/v1/sweeps/{name}").status_code == 404
    assert not (service.data / "engine" / "sweeps" / name).exists()
    assert service.client.get(f"/v1/models/{model}/versions/1/download").status_code == 200


def test_uploaded_code_runs(service: Served) -> None:
    """The same content has the same name; the sweep uses it like a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", "import mlflow\nmlflow.log_metric('loss', 5.5)\n")
    headers = {"Content-Type": "application/zip"}
    first = service.client.post("/v1/code", content=buffer.getvalue(), headers=headers)
    again = service.client.post("/v1/code", content=buffer.getvalue(), headers=headers)
    assert first.status_code == 201
    assert first.json() == again.json()
    body = document(
        "python main.py", {"x": {"type": "choice", "values": [1]}}, code=first.json()["code"]
    )
    name = service.submit(body)["name"]
    assert service.finished(name)["best_trial"]["objective_value"] == 5.5


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"no zip", "application/zip", 400),
        (gzip.compress(b"no tar"), "application/gzip", 400),
        (b"x", "text/plain", 415),
        (b"", "application/zip", 400),
    ],
)
def test_uploads_that_are_no_archives_are_refused(
    service: Served, content: bytes, kind: str, status: int
) -> None:
    """As problems."""
    answer = service.client.post("/v1/code", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_events_tell_the_sweep_in_order(service: Served, finished: str) -> None:
    """From its creation to its end, with rising ids."""
    events = service.get(f"/v1/sweeps/{finished}/events?limit=200")["items"]
    ids = [event["id"] for event in events]
    assert ids == sorted(ids)
    assert {event["sweep"] for event in events} == {finished}
    assert service.get(f"/v1/events?after={ids[-1] - 1}&limit=1")["items"][0]["id"] == ids[-1]


def test_the_documentation_needs_no_other_host(service: Served) -> None:
    """Every script and style of /docs is served here, and the main example is in it."""
    assert service.client.get("/").headers["location"].endswith("/docs")
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
