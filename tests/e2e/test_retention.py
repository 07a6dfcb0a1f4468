"""Retention with a real service: counted first, then removed, and nothing else is touched."""

import hashlib
from pathlib import Path

import pytest

from app.store.database import migrate
from app.views.shape import VIEWS
from tests.old_sweeps import (
    POINTS,
    REPORTS,
    files_below,
    grow_old,
    left_by_trials,
    retained,
    rows_of,
    run_sweep,
)
from tests.served import Json, Served, served, slow_sweep

pytestmark = pytest.mark.slow


def test_what_is_old_is_removed_and_nothing_else(
    records: str, leaving: Path, tmp_path: Path
) -> None:
    """Counted exactly by the dry run, which changes nothing; models and newer sweeps stay."""
    data, engine = tmp_path / "data", tmp_path / "data" / "engine"
    migrate(records)
    with served(data, code_root=leaving, database_url=records) as service:
        for name in ("old", "young", "gone"):
            run_sweep(service, name)
        model = service.client.post("/v1/sweeps/old/register", json={"trial": 1}).json()
        assert service.client.delete("/v1/sweeps/gone").status_code == 204
        grow_old(records, "old", "gone")
        live = service.submit(slow_sweep(2, 600, 0.05))["name"]
        service.until(live, lambda sweep: sweep["trial_counts"]["running"] == 2)
        history = service.get("/v1/sweeps/old/views/history")
        before = {name: files_below(engine / "sweeps" / name) for name in ("old", "young", "gone")}
        rows = {name: rows_of(records, name) for name in ("old", "young")}
        artifacts, logs = left_by_trials(engine, "old")
        purged = [*left_by_trials(engine, "gone")]

        counted = retained(data, records, "--dry-run")
        after = {name: files_below(engine / "sweeps" / name) for name in ("old", "young", "gone")}
        assert after == before
        assert {name: rows_of(records, name) for name in ("old", "young")} == rows
        assert service.get("/v1/sweeps/old")["artifacts_removed_at"] is None
        removed = retained(data, records, "--apply")
        assert removed == counted

        kept = rows_of(records, "old")[0]
        assert counted["artifacts"] == (1, len(artifacts), sum(artifacts.values()))
        assert counted["logs"] == (1, len(logs), sum(logs.values()))
        assert counted["metrics"] == (1, 2 * REPORTS - len(kept), 0)
        assert counted["archived"] == (
            1,
            sum(map(len, purged)),
            sum(sum(files.values()) for files in purged),
        )
        assert counted["events"][0] == 1
        assert set(files_below(engine / "sweeps" / "old")) == {"journal.jsonl", "sweep.json"}
        assert not (engine / "sweeps" / "gone").exists()
        assert files_below(engine / "sweeps" / "young") == before["young"]
        assert rows_of(records, "young") == rows["young"]
        _check_curves(service, kept)
        assert service.get("/v1/sweeps/old/views/history")["series"] == history["series"]
        _check_answers(service, model)
        assert retained(data, records, "--apply") == dict.fromkeys(counted, (0, 0, 0))
        assert service.get(f"/v1/sweeps/{live}")["status"] == "running"
        service.client.post(f"/v1/sweeps/{live}/cancel")
        service.finished(live)
        _check_goes_on(service)


def _check_curves(service: Served, kept: list[tuple[int, int]]) -> None:
    """Few points, with both ends and the best of all."""
    for trial in (0, 1):
        intervals = [interval for number, interval in kept if number == trial]
        assert POINTS // 2 < len(intervals) <= POINTS
        assert (intervals[0], intervals[-1]) == (1, REPORTS)
        reports = service.items(f"/v1/sweeps/old/trials/{trial}/metrics?limit=100")
        best = service.get(f"/v1/sweeps/old/trials/{trial}")["objective_value"]
        assert min(report["value"] for report in reports) == best
        path = "/v1/sweeps/old/views/learning-curves"
        assert service.client.get(path).status_code == 200


def _check_answers(service: Served, model: Json) -> None:
    """What is gone is told in words, with the day; what was registered is there."""
    sweep = service.get("/v1/sweeps/old")
    today = sweep["artifacts_removed_at"][:10]
    trial = "/v1/sweeps/old/trials/1"
    register = {"model_name": "another", "trial": 0}
    for answer in (
        service.client.get(f"{trial}/artifacts/outputs/model.pkl"),
        service.client.get(f"{trial}/logs"),
        service.client.get(f"{trial}/logs?stream=stderr&tail=5"),
        service.client.post("/v1/sweeps/old/register", json=register),
    ):
        assert answer.status_code == 410, answer.text
        assert answer.json()["type"] == "/v1/problems/removed"
        assert f"removed by retention on {today}" in answer.json()["detail"]
    assert service.get(f"{trial}/artifacts")["items"] == []
    assert service.client.get(f"{trial}/artifacts/outputs/none").status_code == 410
    assert service.client.get("/v1/sweeps/young/trials/1/logs").text.startswith("step 0")
    missing = service.client.get("/v1/sweeps/young/trials/1/artifacts/outputs/none")
    assert missing.status_code == 404
    assert service.client.get("/v1/sweeps/gone").status_code == 404
    path = f"/v1/models/final_model/versions/{model['version']}/download"
    file = service.client.get(path)
    assert file.status_code == 200
    assert hashlib.sha256(file.content).hexdigest() == model["sha256"]
    page = service.client.get("/v1/sweeps/old/events").json()["items"]
    assert len(page) >= 1
    for view in VIEWS:
        assert service.client.get(f"/v1/sweeps/old/views/{view}").status_code == 200


def _check_goes_on(service: Served) -> None:
    """A trial that is run again has files again; the others still have none."""
    assert service.client.post("/v1/sweeps/old/trials/0/retry").status_code == 202
    service.until("old", lambda _: service.get("/v1/sweeps/old/trials/0")["attempt"] == 2)
    service.finished("old")
    trial = "/v1/sweeps/old/trials/0"
    assert service.client.get(f"{trial}/artifacts/outputs/model.pkl").status_code == 200
    assert service.client.get(f"{trial}/logs").text.startswith("step 0")
    assert len(service.items(f"{trial}/metrics?limit=100")) == REPORTS
    other = service.client.get("/v1/sweeps/old/trials/1/artifacts/outputs/model.pkl")
    assert other.status_code == 410
