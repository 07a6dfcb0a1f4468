"""Registered models, deletion, and uploads of code."""

import gzip
import hashlib
import io
import uuid
import zipfile

import pytest

from tests.api.conftest import grid_of_five
from tests.served import Json, Served, document


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
        ({"model_name": "never", "artifact_path": "outputs/none"}, 409, "outputs/model.pkl"),
        ({"model_name": "never", "artifact_path": "../stdout.log"}, 409, "artifact"),
        ({"modelname": "x"}, 422, "model_name"),
        ({"tags": {"<b>": "x"}}, 422, "/tags/<b>"),
        ({"tags": {"a/../b": "x"}}, 422, "/tags/a~1..~1b"),
        ({"tags": {"": "x"}}, 422, "/tags/"),
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
    name = service.submit(grid_of_five())["name"]
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
        (gzip.compress(b"no tar", mtime=0), "application/gzip", 400),
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
