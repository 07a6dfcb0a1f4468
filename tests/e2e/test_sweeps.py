"""Whole sweeps over HTTP: what is posted runs as processes and is told truthfully."""

import json
from typing import Any

import pytest

from tests.served import Served, document

X = {"x": {"type": "uniform", "min_value": 0, "max_value": 1}}
QUADRATIC = "python quadratic.py --x ${{search_space.x}}"


def test_a_sweep_runs_to_its_best_trial(service: Served) -> None:
    """Four trials complete; the best is the one whose report is lowest."""
    name = service.submit(document(QUADRATIC, X, code="job"))["name"]
    sweep = service.finished(name)
    assert sweep["status"] == "completed", sweep
    assert sweep["trial_counts"]["completed"] == sweep["trial_counts"]["total"] == 4
    trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
    assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
    for trial in trials:
        expected = (trial["parameters"]["x"] - 0.3) ** 2 + 1
        assert trial["objective_value"] == pytest.approx(expected)
        assert trial["exit_code"] == 0
        assert trial["duration_seconds"] > 0
    best = min(trials, key=lambda trial: float(trial["objective_value"]))
    assert service.get(f"/v1/sweeps/{name}/best-trial") == best
    assert sweep["best_trial"]["number"] == best["number"]


def test_the_same_seed_gives_the_same_trials(service: Served) -> None:
    """Concurrency does not change what is drawn."""
    drawn = []
    for concurrent in (1, 2):
        limits = {"max_total_trials": 5, "max_concurrent_trials": concurrent}
        name = service.submit(document(QUADRATIC, X, code="job", limits=limits))["name"]
        service.finished(name)
        trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
        drawn.append([trial["parameters"] for trial in trials])
    assert drawn[0] == drawn[1]


def test_a_thousand_fast_reports_are_kept_in_order(service: Served) -> None:
    """A script that logs 1,000 values without steps has 1,000 reports, in order."""
    limits = {"max_total_trials": 1}
    space = {"unused": {"type": "choice", "values": [1]}}
    name = service.submit(document("python fast.py", space, code="job", limits=limits))["name"]
    assert service.finished(name)["status"] == "completed"
    reports = service.items(f"/v1/sweeps/{name}/trials/0/metrics?name=loss&limit=200")
    assert [report["interval"] for report in reports] == list(range(1, 1001))
    assert [report["value"] for report in reports] == [(v * 7919) % 1000 for v in range(1000)]


def test_values_reach_the_script_verbatim(service: Served) -> None:
    """Spaces, quotes, $( ), newlines and ; are one argument each, never code."""
    nasty = ["two words", 'it\'s "quoted"', "$(touch /tmp/pwned)", "a\nb", "; exit 3", "--x", "*"]
    name = service.submit(
        document(
            "python argv.py ${{search_space.v}} --again=${{search_space.v}}",
            {"v": {"type": "choice", "values": nasty}},
            code="job",
            sampling_algorithm="grid",
            limits={"max_total_trials": len(nasty)},
        )
    )["name"]
    assert service.finished(name)["status"] == "completed"
    for number, value in enumerate(nasty):
        artifact = service.client.get(
            f"/v1/sweeps/{name}/trials/{number}/artifacts/outputs/argv.json"
        )
        assert json.loads(artifact.text) == [value, f"--again={value}"]


def test_a_shell_command_runs_in_bash(service: Served) -> None:
    """Pipes and && work; each hyperparameter is also in the environment."""
    command = "echo ${{search_space.n}} | tr 1 7 && echo $AZUREML_SWEEP_n > outputs/env.txt"
    space = {"n": {"type": "choice", "values": [11]}}
    limits = {"max_total_trials": 1}
    name = service.submit(document(command, space, limits=limits))["name"]
    sweep = service.finished(name)
    logs = service.client.get(f"/v1/sweeps/{name}/trials/0/logs?stream=stdout")
    assert logs.text == "77\n"
    answer = service.client.get(f"/v1/sweeps/{name}/trials/0/artifacts/outputs/env.txt")
    assert answer.text == "11\n"
    assert "reported no finite loss" in sweep["status_reason"]
    assert service.get(f"/v1/sweeps/{name}/trials/0")["objective_status"] == "missing"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python fails.py", "RuntimeError: no such luck"),
        ("no-such-program --x 1", "exit code 127"),
        ("python missing.py", "missing.py"),
    ],
)
def test_failing_trials_fail_the_sweep_with_their_reason(
    service: Served, command: str, words: str
) -> None:
    """When the first trials all fail, the sweep is failed and says why."""
    space = {"x": {"type": "choice", "values": [1, 2, 3, 4, 5, 6]}}
    limits = {"max_total_trials": 6, "max_concurrent_trials": 1}
    name = service.submit(document(command, space, code="job", limits=limits))["name"]
    sweep = service.finished(name)
    assert sweep["status"] == "failed"
    assert words in sweep["status_reason"]
    assert sweep["trial_counts"]["failed"] == 3
    trial = service.get(f"/v1/sweeps/{name}/trials/0")
    assert trial["exit_code"] not in (0, None)
    assert words in trial["status_reason"]


def test_one_bad_trial_does_not_sink_a_sweep(service: Served) -> None:
    """A failure beside successes leaves the sweep completed."""
    command = "python ${{search_space.script}} --x 0.5"
    space = {"script": {"type": "choice", "values": ["quadratic.py", "fails.py"]}}
    more = {"sampling_algorithm": "grid"}
    name = service.submit(document(command, space, code="job", **more))["name"]
    sweep = service.finished(name)
    assert sweep["status"] == "completed"
    assert sweep["trial_counts"]["failed"] == 1


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_value_that_is_not_finite_is_never_best(service: Served, value: str) -> None:
    """It is shown, counted as not_finite, and there is no best trial."""
    space = {"x": {"type": "choice", "values": [1]}}
    limits = {"max_total_trials": 1}
    command = f"python nan.py {value}"
    name = service.submit(document(command, space, code="job", limits=limits))["name"]
    service.finished(name)
    trial = service.get(f"/v1/sweeps/{name}/trials/0")
    assert trial["objective_status"] == "not_finite"
    assert trial["objective_value"] is None
    assert service.client.get(f"/v1/sweeps/{name}/best-trial").status_code == 404
    assert service.client.post(f"/v1/sweeps/{name}/register").status_code == 409


def test_a_trial_that_takes_too_long_fails(service: Served) -> None:
    """trial_timeout ends the trial as failed with that reason."""
    space = {"level": {"type": "choice", "values": [1]}}
    limits = {"max_total_trials": 1, "trial_timeout": 1}
    command = "python slow.py ${{search_space.level}} 1000 0.05"
    name = service.submit(document(command, space, code="job", limits=limits))["name"]
    assert service.finished(name)["status"] == "failed"
    trial = service.get(f"/v1/sweeps/{name}/trials/0")
    assert trial["status"] == "failed"
    assert "trial_timeout" in trial["status_reason"]


def test_a_sweep_that_takes_too_long_is_canceled(service: Served) -> None:
    """Timeout ends the sweep as canceled, its running trials too, and keeps the results."""
    space = {"level": {"type": "choice", "values": [1]}}
    limits = {"max_total_trials": 200, "max_concurrent_trials": 1, "timeout": 6}
    command = "python slow.py ${{search_space.level}} 12 0.05"
    name = service.submit(document(command, space, code="job", limits=limits))["name"]
    sweep = service.finished(name)
    assert sweep["status"] == "canceled"
    assert "timeout" in sweep["status_reason"]
    assert sweep["best_trial"] is not None
    assert sweep["trial_counts"]["running"] == sweep["trial_counts"]["queued"] == 0


def test_cancel_ends_everything_in_the_process_group(service: Served) -> None:
    """A trial that ignores SIGTERM and has children is gone, children and all."""
    space = {"x": {"type": "choice", "values": [1]}}
    limits = {"max_total_trials": 1}
    name = service.submit(document("python stubborn.py", space, code="job", limits=limits))["name"]
    artifacts = f"/v1/sweeps/{name}/trials/0/artifacts"
    service.until(name, lambda sweep: sweep["status"] == "running")
    service.until(
        name, lambda _: "outputs/started" in str(service.client.get(artifacts).text), within=20
    )
    assert service.client.post(f"/v1/sweeps/{name}/cancel").status_code == 202
    sweep = service.finished(name, within=15)
    assert sweep["status"] == "canceled"
    assert sweep["trial_counts"]["canceled"] == 1
    assert not [words for words in service.processes() if "time.sleep(600)" in words]
    assert service.client.post(f"/v1/sweeps/{name}/cancel").status_code == 409


POLICIES: list[dict[str, Any]] = [
    {"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 2},
    {"type": "bandit", "slack_amount": 0.5, "evaluation_interval": 2},
    {"type": "median_stopping", "delay_evaluation": 1},
    {"type": "truncation_selection", "truncation_percentage": 50, "delay_evaluation": 1},
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["type"])
def test_each_policy_stops_a_trial_for_a_reason_in_numbers(
    service: Served, policy: dict[str, Any]
) -> None:
    """A clearly worse trial is stopped early, and its ledger shows the figures."""
    space = {"level": {"type": "choice", "values": [1, 1.01, 9]}}
    limits = {"max_total_trials": 3, "max_concurrent_trials": 1}
    body = document(
        "python slow.py ${{search_space.level}} 40 0.05",
        space,
        code="job",
        limits=limits,
        sampling_algorithm="grid",
        early_termination=policy,
    )
    name = service.submit(body)["name"]
    sweep = service.finished(name)
    assert sweep["status"] == "completed"
    trial = service.get(f"/v1/sweeps/{name}/trials/2")
    assert trial["status"] == "early_terminated"
    decisions = service.items(f"/v1/sweeps/{name}/trials/2/decisions")
    last = decisions[-1]
    assert last["verdict"] == "stop"
    assert last["policy"] == policy["type"]
    assert last["value"] == 9
    assert last["threshold"] is not None
    assert last["threshold"] <= 9
    assert len(last["compared"]) >= 2
    assert last["reason"] == trial["status_reason"]
    assert len(service.items(f"/v1/sweeps/{name}/trials/2/metrics")) < 40
