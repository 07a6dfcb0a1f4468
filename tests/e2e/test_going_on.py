"""Finished sweeps that are resumed, over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.served import Json, Served, document, served

UNIFORM = {"x": {"type": "uniform", "min_value": 0, "max_value": 1}}
SCRIPTS = {
    "counted.py": """
import argparse, mlflow, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--marks")
parser.add_argument("--hold", action="store_true")
args = parser.parse_args()
with (pathlib.Path(args.marks) / f"{args.x!r}").open("a") as file:
    file.write("ran\\n")
mlflow.log_metric("loss", args.x)
if args.hold:
    import time
    time.sleep(0.3)
""",
}


@pytest.fixture(scope="module")
def job(scripts: Path) -> str:
    """A folder of scripts in the code root."""
    folder = scripts / "going_on"
    folder.mkdir(exist_ok=True)
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    return folder.name


def _counted(job: str, marks: Path, total: int, **more: Any) -> Json:  # noqa: ANN401 - keys of the document
    hold = " --hold" if more.pop("hold", False) else ""
    limits = {"max_total_trials": total, "max_concurrent_trials": 2}
    command = f"python counted.py --x ${{{{search_space.x}}}} --marks {marks}{hold}"
    return document(command, UNIFORM, code=job, limits=limits, **more)


def _trials(service: Served, name: str) -> list[Json]:
    return service.items(f"/v1/sweeps/{name}/trials?sort=number")


def _resume(service: Served, name: str, **limits: int) -> Any:  # noqa: ANN401 - httpx's answer
    return service.client.post(f"/v1/sweeps/{name}/resume", json={"limits": limits})


def _runs(marks: Path) -> list[int]:
    """How often each point ran."""
    return [len(path.read_text().splitlines()) for path in marks.iterdir()]


def test_a_completed_sweep_goes_on_as_if_it_had_been_longer(
    service: Served, job: str, tmp_path: Path
) -> None:
    """Its trials stay, the next ones are those that a longer sweep would have drawn."""
    longer = service.submit(_counted(job, tmp_path, 7))["name"]
    service.finished(longer)
    marks = tmp_path / "marks"
    marks.mkdir()
    sent = _counted(job, marks, 4)
    name = service.submit({**sent, "name": f"going-{longer}"})["name"]
    before = service.finished(name)
    first = _trials(service, name)
    answer = _resume(service, name, max_total_trials=7)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["status"], answer.json()["finished_at"]) == ("running", None)
    sweep = service.finished(name)
    assert sweep["status"] == "completed"
    assert sweep["document"]["limits"]["max_total_trials"] == 7
    assert sweep["document_hash"] == before["document_hash"]
    trials = _trials(service, name)
    assert trials[:4] == first
    assert [trial["number"] for trial in trials] == list(range(7))
    expected = [trial["parameters"] for trial in _trials(service, longer)]
    assert [trial["parameters"] for trial in trials] == expected
    assert _runs(marks) == [1] * 7
    again = service.client.post("/v1/sweeps", json={**sent, "name": name})
    assert (again.status_code, again.json()["name"]) == (200, name)
    kinds = [
        event["data"]["status"]
        for event in service.items(f"/v1/sweeps/{name}/events?limit=200")
        if event["type"] == "sweep.status"
    ]
    assert kinds[-3:] == ["completed", "running", "completed"]


def test_what_cannot_be_resumed_is_refused_with_the_remedy(
    service: Served, job: str, tmp_path: Path
) -> None:
    """A live sweep, fewer trials than there are, limits that are none, a time-out that ran out."""
    name = service.submit(_counted(job, tmp_path, 3, hold=True))["name"]
    assert _resume(service, name).status_code == 409
    service.finished(name)
    lowered = _resume(service, name, max_total_trials=2)
    assert lowered.status_code == 422
    assert lowered.json()["errors"][0]["pointer"] == "/limits/max_total_trials"
    unknown = service.client.post(f"/v1/sweeps/{name}/resume", json={"limits": {"max_trials": 9}})
    assert "max_total_trials" in unknown.json()["errors"][0]["message"]
    assert service.client.post("/v1/sweeps/nothing/resume").status_code == 404
    assert service.get(f"/v1/sweeps/{name}")["status"] == "completed"
    body = document("python slow.py 1 200 0.05", UNIFORM, code="job")
    body["limits"] |= {"timeout": 1}
    name = service.submit(body)["name"]
    assert "timeout" in service.finished(name)["status_reason"]
    refused = _resume(service, name)
    assert refused.status_code == 409
    assert "give limits.timeout" in refused.json()["detail"]
    assert _resume(service, name, timeout=2).status_code == 202
    service.finished(name)


def test_without_anything_left_to_run_the_reason_says_so(
    service: Served, job: str, tmp_path: Path
) -> None:
    """Nothing runs a second time."""
    name = service.submit(_counted(job, tmp_path, 2))["name"]
    service.finished(name)
    assert service.client.post(f"/v1/sweeps/{name}/resume").status_code == 202
    sweep = service.finished(name)
    assert "nothing was left to run" in sweep["status_reason"]
    assert _runs(tmp_path) == [1, 1]


def test_a_canceled_sweep_goes_on_but_not_its_dismissed_trials(
    service: Served, job: str, tmp_path: Path
) -> None:
    """Trials that the end canceled run again with their parameters; one canceled alone does not."""
    body = _counted(job, tmp_path, 6, hold=True)
    body["trial"]["command"] = "python slow.py ${{search_space.x}} 40 0.05"
    body["trial"]["code"] = "job"
    name = service.submit(body)["name"]
    service.until(name, lambda sweep: sweep["trial_counts"]["running"] == 2)
    assert service.client.post(f"/v1/sweeps/{name}/trials/0/cancel").status_code == 202
    service.until(name, lambda sweep: sweep["trial_counts"]["canceled"] == 1)
    service.until(name, lambda sweep: sweep["trial_counts"]["running"] == 2)
    service.client.post(f"/v1/sweeps/{name}/cancel")
    assert service.finished(name)["status"] == "canceled"
    before = _trials(service, name)
    assert _resume(service, name, max_concurrent_trials=1).status_code == 202
    sweep = service.finished(name, within=120)
    assert sweep["status"] == "completed", sweep
    after = _trials(service, name)
    assert [trial["number"] for trial in after] == list(range(6))
    assert after[0] == before[0]
    for old, new in zip(before[1:], after[1:], strict=False):
        assert new["parameters"] == old["parameters"]
        assert (new["status"], new["attempt"]) == ("completed", 2)
        path = f"/v1/sweeps/{name}/trials/{new['number']}/metrics?limit=200"
        assert [report["interval"] for report in service.items(path)] == list(range(1, 41))


def test_failures_from_before_do_not_end_a_resumed_sweep_again(
    service: Served, tmp_path: Path
) -> None:
    """The failed trials stay failed, the rest run; the failures are put together."""
    space = {"x": {"type": "choice", "values": [10, 20, 30, 40]}}
    body = document(
        f"python fails_until.py {tmp_path} ${{{{search_space.x}}}}",
        space,
        code="job",
        sampling_algorithm="grid",
        extra_limits={"max_failed_trials": 2},
    )
    body["limits"]["max_concurrent_trials"] = 1
    name = service.submit(body)["name"]
    sweep = service.finished(name)
    assert sweep["status"] == "failed"
    assert "2 of 2 failed alike, as trial 0" in sweep["status_reason"]
    (group,) = sweep["failures"]
    assert (group["count"], group["trials"]) == (2, [0, 1])
    assert "ValueError: not mended" in group["message"]
    assert {trial["fingerprint"] for trial in _trials(service, name)} == {group["fingerprint"]}
    (tmp_path / "mended").touch()
    assert _resume(service, name).status_code == 202
    sweep = service.finished(name)
    assert sweep["status"] == "completed", sweep
    statuses = [(trial["status"], trial["attempt"]) for trial in _trials(service, name)]
    assert statuses == [("failed", 1), ("failed", 1), ("completed", 1), ("completed", 1)]


def test_two_resumptions_at_once_are_one(service: Served, job: str, tmp_path: Path) -> None:
    """One is accepted; every trial runs once."""
    name = service.submit(_counted(job, tmp_path, 2))["name"]
    service.finished(name)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: _resume(service, name, max_total_trials=5), range(6)))
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 5]
    assert service.finished(name)["trial_counts"]["completed"] == 5
    assert _runs(tmp_path) == [1] * 5


@pytest.mark.slow
def test_a_service_killed_after_its_answer_resumes_at_the_next_start(
    tmp_path: Path, scripts: Path, job: str
) -> None:
    """Whether or not the engine had been told; again and again."""
    marks = tmp_path / "marks"
    marks.mkdir()
    with served(tmp_path / "data", code_root=scripts) as service:
        name = service.submit(_counted(job, marks, 1, hold=True))["name"]
        service.finished(name)
        for total in range(2, 5):
            assert _resume(service, name, max_total_trials=total).status_code == 202
            service.kill()
            service.start()
            sweep = service.finished(name)
            assert (sweep["status"], sweep["trial_counts"]["completed"]) == ("completed", total)
        trials = _trials(service, name)
        assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
        assert _runs(marks) == [1] * 4
        retried = service.client.post(f"/v1/sweeps/{name}/trials/1/retry")
        assert retried.status_code == 202
        service.kill()
        service.start()
        service.finished(name)
        assert service.get(f"/v1/sweeps/{name}/trials/1")["attempt"] == 2
        assert sorted(_runs(marks)) == [1, 1, 1, 2]


@pytest.mark.slow
def test_a_resumed_sweep_survives_a_restart_of_its_engine(
    tmp_path: Path, scripts: Path, job: str
) -> None:
    """Its raised limits are the engine's, too; finished trials stay as they are."""
    marks = tmp_path / "marks"
    marks.mkdir()
    with served(tmp_path / "data", code_root=scripts) as service:
        name = service.submit(_counted(job, marks, 2, hold=True))["name"]
        service.finished(name)
        first = _trials(service, name)
        assert _resume(service, name, max_total_trials=6).status_code == 202
        service.until(name, lambda sweep: sweep["trial_counts"]["completed"] >= 3)
        service.stop()
        service.start()
        sweep = service.finished(name)
        assert (sweep["status"], sweep["trial_counts"]["completed"]) == ("completed", 6)
        assert _trials(service, name)[:2] == first
