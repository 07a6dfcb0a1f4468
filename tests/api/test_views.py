"""GET /v1/sweeps/{name}/views/{view}: what is answered, when it is answered, and what is refused."""

from typing import Any

import httpx
import pytest

from app.views.shape import VIEWS
from tests.served import Json, Served, document

SPACE: Json = {
    "x": {"type": "uniform", "min_value": 0, "max_value": 1},
    "kind": {"type": "choice", "values": ["a", "b"]},
}


@pytest.fixture(scope="module")
def finished(service: Served) -> str:
    """A sweep of six trials with twelve reports each, most of which end early."""
    body = document(
        "python quadratic.py --x ${{search_space.x}} --steps 12 # ${{search_space.kind}}",
        SPACE,
        code="job",
        limits={"max_total_trials": 6, "max_concurrent_trials": 2},
    )
    name: str = service.submit(body)["name"]
    assert service.finished(name)["status"] == "completed"
    return name


def rows(view: Json, name: str) -> list[Json]:
    """The rows of a series, by the names of their axes."""
    (series,) = [each for each in view["series"] if each["name"] == name]
    return [dict(zip(series["axes"], row, strict=True)) for row in series["points"]]


def test_views_show_what_the_trials_say(service: Served, finished: str) -> None:
    """History, parallel coordinates and slices have the same objectives as the list of trials."""
    trials = service.items(f"/v1/sweeps/{finished}/trials")
    objectives = {trial["number"]: trial["objective_value"] for trial in trials}
    path = f"/v1/sweeps/{finished}/views"
    history = service.get(f"{path}/history")
    assert {row["number"]: row["objective"] for row in rows(history, "trials")} == objectives
    best = rows(history, "best so far")[-1]
    assert best["objective"] == min(objectives.values())
    (axis,) = [axis for axis in history["axes"] if axis["name"] == "objective"]
    assert (axis["label"], axis["direction"]) == ("loss", "minimize")
    lines = rows(service.get(f"{path}/parallel-coordinates"), "trials")
    assert {row["number"]: row["parameters.x"] for row in lines} == {
        trial["number"]: trial["parameters"]["x"] for trial in trials
    }
    only = service.get(f"{path}/slice?parameter=kind")
    assert [series["name"] for series in only["series"]] == ["kind"]
    assert {axis["name"]: axis["domain"] for axis in only["axes"]}["parameters.kind"] == ["a", "b"]


def test_curves_are_thinned_on_the_server(service: Served, finished: str) -> None:
    """To about as many points as are asked for, the first and the last report among them."""
    path = f"/v1/sweeps/{finished}/views/learning-curves"
    whole, thin = service.get(path), service.get(f"{path}?points=4")
    assert len(whole["series"]) == len(thin["series"]) == 6
    for many, few in zip(whole["series"], thin["series"], strict=True):
        assert len(many["points"]) == 12
        assert len(few["points"]) <= 6
        assert few["points"][0] == many["points"][0]
        assert few["points"][-1] == many["points"][-1]
        assert all(point in many["points"] for point in few["points"])


def test_a_timeline_has_as_many_slots_as_trials_at_once(service: Served, finished: str) -> None:
    """Two here; each trial is in one of them."""
    bars = rows(service.get(f"/v1/sweeps/{finished}/views/timeline"), "trials")
    assert sorted(row["number"] for row in bars) == list(range(6))
    assert {row["slot"] for row in bars} <= {0, 1}


def test_importance_says_what_it_rests_on(service: Served, finished: str) -> None:
    """Every hyperparameter has a row."""
    found = rows(service.get(f"/v1/sweeps/{finished}/views/importance"), "importance")
    assert {row["hyperparameter"] for row in found} == {"x", "kind"}
    assert {row["trials"] for row in found} == {6}


@pytest.mark.parametrize("kind", VIEWS)
def test_what_is_still_true_is_not_sent_again(service: Served, finished: str, kind: str) -> None:
    """However the tag is quoted; other options have other answers."""
    path = f"/v1/sweeps/{finished}/views/{kind}"
    tag = service.client.get(path).headers["ETag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = service.client.get(path, headers={"If-None-Match": sent})
        assert (answer.status_code, answer.content) == (httpx.codes.NOT_MODIFIED, b"")
        assert answer.headers["ETag"] == tag
    stale = service.client.get(path, headers={"If-None-Match": '"0-0"'})
    assert stale.status_code == httpx.codes.OK


def test_each_answer_has_a_tag_of_its_own(service: Served, finished: str) -> None:
    """A tag of another view, or of other options, does not say that this one is still true."""
    path = f"/v1/sweeps/{finished}/views"
    addresses = [f"{path}/{kind}" for kind in VIEWS]
    addresses += [f"{path}/learning-curves?points={points}" for points in (4, 5)]
    addresses += [f"{path}/slice?parameter={name}" for name in ("x", "kind")]
    tags = [service.client.get(address).headers["ETag"] for address in addresses]
    assert len(set(tags)) == len(addresses)
    answer = service.client.get(addresses[0], headers={"If-None-Match": ", ".join(tags[1:])})
    assert answer.status_code == httpx.codes.OK


def test_a_change_makes_a_new_tag(service: Served) -> None:
    """A retried trial: the tag of before no longer matches."""
    body = document(
        "python quadratic.py --x ${{search_space.x}} # ${{search_space.kind}}",
        SPACE,
        code="job",
        limits={"max_total_trials": 1},
    )
    name = service.submit(body)["name"]
    service.finished(name)
    path = f"/v1/sweeps/{name}/views/history"
    before = service.client.get(path)
    assert service.client.post(f"/v1/sweeps/{name}/trials/0/retry").status_code == 202
    service.finished(name)
    after = service.client.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == httpx.codes.OK
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.json()["next_after"] > before.json()["next_after"]


def test_a_curve_tells_why_its_trial_was_stopped(service: Served) -> None:
    """A mark with the threshold and the reason that the ledger has; none on other curves."""
    body = document(
        "python slow.py ${{search_space.level}} 40 0.05",
        {"level": {"type": "choice", "values": [1, 9]}},
        code="job",
        sampling_algorithm="grid",
        early_termination={"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 2},
        limits={"max_total_trials": 2, "max_concurrent_trials": 2},
    )
    name = service.submit(body)["name"]
    service.finished(name)
    good, bad = service.get(f"/v1/sweeps/{name}/views/learning-curves")["series"]
    assert (good["status"], good["marks"]) == ("completed", [])
    assert bad["status"] == "early_terminated"
    (mark,) = bad["marks"]
    ledger = service.items(f"/v1/sweeps/{name}/trials/1/decisions")
    (stop,) = [entry for entry in ledger if entry["verdict"] == "stop"]
    told = ("interval", "policy", "value", "threshold", "reason")
    assert {key: mark[key] for key in told} == {key: stop[key] for key in told}
    assert mark["threshold"] == pytest.approx(1.1)


def test_changes_of_a_running_sweep_add_up(service: Served) -> None:
    """Looking again and again after what was seen gives what one look at the end gives."""
    body = document(
        "python slow.py ${{search_space.level}} 4 0.1",
        {"level": {"type": "choice", "values": [1, 2, 3, 4, 5]}},
        code="job",
        sampling_algorithm="grid",
        limits={"max_total_trials": 5, "max_concurrent_trials": 2},
    )
    name = service.submit(body)["name"]
    path = f"/v1/sweeps/{name}/views/learning-curves"
    curves: dict[int, Any] = {}
    after = looks = 0
    while True:
        ended = service.get(f"/v1/sweeps/{name}")["status"] == "completed"
        view = service.get(f"{path}?after={after}")
        curves |= {series["trial"]: series for series in view["series"]}
        assert view["next_after"] >= after
        after, looks = view["next_after"], looks + 1
        if ended:
            break
    whole = service.get(path)
    assert [curves[number] for number in sorted(curves)] == whole["series"]
    assert looks > 2
    unchanged = service.get(f"{path}?after={after}")
    assert (unchanged["series"], unchanged["complete"]) == ([], False)
    assert service.get(f"{path}?after={after + 10**9}")["complete"]


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("{}/views/histogram", 404, "choose among: history, parallel-coordinates"),
        ("{}/views/learning-curves?metric=nothing", 422, "choose among: loss"),
        ("{}/views/slice?parameter=y", 422, "choose among: x, kind"),
        ("{}/views/learning-curves?points=1", 422, "greater than or equal to 2"),
        ("{}/views/history?after=-1", 422, "greater than or equal to 0"),
        ("none/views/history", 404, "There is no sweep named 'none'"),
    ],
)
def test_what_cannot_be_answered_names_the_choices(
    service: Served, finished: str, address: str, status: int, words: str
) -> None:
    """As a problem."""
    answer = service.client.get(f"/v1/sweeps/{address.format(finished)}")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in answer.text
