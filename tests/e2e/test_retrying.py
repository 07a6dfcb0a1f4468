"""Finished trials that are run again, over HTTP."""

from pathlib import Path

from tests.served import Served, document


def test_a_failed_trial_is_retried_and_succeeds(service: Served, tmp_path: Path) -> None:
    """The reports of its new attempt replace those before; the failed sweep is completed."""
    space = {"x": {"type": "choice", "values": [1, 2]}}
    body = document(
        f"python fails_until.py {tmp_path} ${{{{search_space.x}}}}",
        space,
        code="job",
        sampling_algorithm="grid",
    )
    name = service.submit(body)["name"]
    assert service.finished(name)["status"] == "failed"
    (tmp_path / "mended").touch()
    path = f"/v1/sweeps/{name}/trials/1"
    answer = service.client.post(f"{path}/retry")
    assert answer.status_code == 202, answer.text
    waiting = answer.json()
    assert (waiting["status"], waiting["attempt"], waiting["metrics"]) == ("queued", 2, {})
    assert service.client.post(f"{path}/retry").status_code == 409
    sweep = service.finished(name)
    assert (sweep["status"], sweep["best_trial"]["number"]) == ("completed", 1)
    assert sweep["trial_counts"]["failed"] == 1
    assert [group["trials"] for group in sweep["failures"]] == [[0]]
    trial = service.get(path)
    assert (trial["status"], trial["attempt"], trial["exit_code"]) == ("completed", 2, 0)
    assert trial["parameters"] == {"x": 2}
    assert trial["fingerprint"] is None
    values = [report["value"] for report in service.items(f"{path}/metrics?name=loss")]
    assert values == [7.0, 2.0]
    assert service.client.post(f"/v1/sweeps/{name}/trials/9/retry").status_code == 404


def test_a_retry_keeps_what_was_registered_and_a_canceled_sweep_canceled(
    service: Served, tmp_path: Path
) -> None:
    """The model's file stays; trials that were never drawn are not drawn now."""
    space = {"x": {"type": "uniform", "min_value": 0, "max_value": 1}}
    body = document("python quadratic.py --x ${{search_space.x}}", space, code="job")
    body["limits"] = {"max_total_trials": 200, "max_concurrent_trials": 2}
    name = service.submit(body)["name"]
    service.until(name, lambda sweep: sweep["trial_counts"]["completed"] > 0)
    service.client.post(f"/v1/sweeps/{name}/cancel")
    before = service.finished(name)
    assert before["status"] == "canceled"
    model = {"model_name": f"m-{tmp_path.name}", "trial": 0}
    assert service.client.post(f"/v1/sweeps/{name}/register", json=model).status_code == 201
    assert service.client.post(f"/v1/sweeps/{name}/trials/0/retry").status_code == 202
    after = service.finished(name)
    assert (after["status"], after["status_reason"]) == ("canceled", before["status_reason"])
    assert after["trial_counts"] == before["trial_counts"]
    version = f"/v1/models/m-{tmp_path.name}/versions/1"
    assert service.client.get(f"{version}/download").status_code == 200
    assert service.get(f"/v1/sweeps/{name}/trials/0")["attempt"] == 2
