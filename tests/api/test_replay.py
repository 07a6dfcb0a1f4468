"""POST /v1/sweeps/{name}/replay, and decisions that read like explanations."""

import re
from typing import Any

import pytest

from tests.served import Json, Served, document

LEVELS: Json = {"level": {"type": "choice", "values": [1.0, 5.0, 1.2]}}
COMMAND = "python slow.py ${{search_space.level}} 4 0.1"


@pytest.fixture(scope="module")
def curves(service: Served) -> str:
    """A finished sweep of three trials with four reports each and no policy."""
    limits = {"max_total_trials": 3, "max_concurrent_trials": 1}
    body = document(COMMAND, LEVELS, code="job", sampling_algorithm="grid", limits=limits)
    name: str = service.submit(body)["name"]
    assert service.finished(name)["status"] == "completed"
    return name


def replay(service: Served, name: str, policy: Any) -> Json:  # noqa: ANN401 - a document's value
    """The answer for a policy that is accepted."""
    answer = service.client.post(f"/v1/sweeps/{name}/replay", json={"early_termination": policy})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def test_another_policy_is_judged_from_what_was_recorded(service: Served, curves: str) -> None:
    """Level 5 would have been stopped at its first report, and the winner not."""
    found = replay(service, curves, {"type": "bandit", "slack_factor": 0.5})
    (stop,) = found["stops"]
    assert (stop["trial"], stop["interval"], stop["value"]) == (1, 1, 5.0)
    assert stop["threshold"] == 1.5
    assert stop["reason"].startswith("interval 1: best 5,")
    assert 0.25 < stop["saved_seconds"] == found["saved_seconds"] < found["total_seconds"]
    assert found["winner"]["number"] == found["best_left"]["number"] == 0
    assert found["winner_stopped"] is False
    assert found["policy"]["evaluation_interval"] == 1
    wide = replay(service, curves, {"type": "bandit", "slack_factor": 5})
    assert wide["stops"] == []


def test_the_policy_alone_is_taken_too(service: Served, curves: str) -> None:
    """As are the short form and every policy."""
    alone = service.client.post(
        f"/v1/sweeps/{curves}/replay", json={"type": "bandit", "slack_factor": 0.5}
    )
    assert alone.json() == replay(service, curves, {"type": "bandit", "slack_factor": 0.5})
    assert replay(service, curves, "median_stopping")["evaluations"] > 0
    truncation = {"type": "truncation_selection", "truncation_percentage": 50}
    assert replay(service, curves, truncation)["policy"]["type"] == "truncation_selection"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/early_termination"),
        ({"early_termination": {"type": "bandit"}}, "/early_termination"),
        ({"type": "median_stopping", "delay": 3}, "/delay"),
        ({"early_termination": "never"}, "/early_termination"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_place(
    service: Served, curves: str, body: Json, pointer: str
) -> None:
    """Pointers lead into the body as it was sent."""
    answer = service.client.post(f"/v1/sweeps/{curves}/replay", json=body)
    assert answer.status_code == 422, answer.text
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]


def test_there_must_be_something_to_replay(service: Served) -> None:
    """An unknown sweep is not found; one without reports is a conflict that says so."""
    body = {"early_termination": "median_stopping"}
    assert service.client.post("/v1/sweeps/none-such/replay", json=body).status_code == 404
    silent = service.submit(document("true", LEVELS))["name"]
    service.finished(silent)
    answer = service.client.post(f"/v1/sweeps/{silent}/replay", json=body)
    assert answer.status_code == 409
    assert "loss" in answer.json()["detail"]


def test_the_ledger_reads_like_an_explanation_and_agrees_with_a_replay(service: Served) -> None:
    """Every evaluation is there, in words; replaying the sweep's own policy stops the same trials."""
    policy = {"type": "median_stopping", "evaluation_interval": 1, "delay_evaluation": 2}
    body = document(
        COMMAND,
        LEVELS,
        code="job",
        sampling_algorithm="grid",
        limits={"max_total_trials": 3, "max_concurrent_trials": 1},
        early_termination=policy,
    )
    name = service.submit(body)["name"]
    service.finished(name)
    stopped = []
    for number, intervals in ((0, [2, 3, 4]), (1, [2]), (2, [2, 3, 4])):
        decisions = service.items(f"/v1/sweeps/{name}/trials/{number}/decisions")
        assert [decision["interval"] for decision in decisions] == intervals[: len(decisions)]
        for decision in decisions:
            pattern = (
                r"interval \d+: best [\d.]+, the median of the running means of \d trials? is "
                r"[\d.]+: (stopped|goes on)"
            )
            assert re.fullmatch(pattern, decision["reason"]), decision["reason"]
        stopped += [number for decision in decisions if decision["verdict"] == "stop"]
    assert stopped[0] == 1
    found = replay(service, name, policy)
    assert [stop["trial"] for stop in found["stops"]] == stopped
