"""Documents that are refused: each with the place, the remedy, and nothing stored or started."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.sweep.examples import SEED
from tests.served import Json, Served, document

BASE = document(
    "python quadratic.py --x ${{search_space.x}}",
    {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
    code="job",
)


@pytest.fixture(autouse=True)
def nothing_is_stored(service: Served) -> Any:  # noqa: ANN401 - a generator
    """Whatever a test sends, the list of sweeps is the same afterwards."""
    before = service.items("/v1/sweeps")
    yield
    assert [sweep["name"] for sweep in service.items("/v1/sweeps")] == [
        sweep["name"] for sweep in before
    ]


def _post(service: Served, body: str | bytes, kind: str = "application/json") -> Json:
    """The problem answer, whose shape is checked."""
    content = body.encode() if isinstance(body, str) else body
    answer = service.client.post("/v1/sweeps", content=content, headers={"Content-Type": kind})
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: Json = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["instance"] == "/v1/sweeps"
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert service.client.get(problem["type"]).status_code == 200
    return problem


def _faults(problem: Json) -> dict[str, str]:
    assert problem["status"] == 422, problem
    return {fault["pointer"]: fault["message"] for fault in problem["errors"]}


Change = Callable[[Json], object]


def _set(path: str, value: object) -> Change:
    """Put a value at a /-separated place of the document."""

    def change(body: Json) -> None:
        *parents, last = path.split("/")
        place: Any = body
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = value

    return change


def _without(path: str) -> Change:
    def change(body: Json) -> None:
        *parents, last = path.split("/")
        place: Any = body
        for key in parents:
            place = place[key]
        del place[last]

    return change


X = "search_space/x"
RULES: list[tuple[Change, str, str]] = [
    (_without("trial/command"), "/trial/command", "required"),
    (_without("search_space"), "/search_space", "required"),
    (_without("sampling_algorithm"), "/sampling_algorithm", "required"),
    (_without("objective"), "/objective", "required"),
    (_without("limits/max_total_trials"), "/limits/max_total_trials", "required"),
    (_set("search_spaces", {}), "/search_spaces", "search_space"),
    (_set("limits/max_trials", 3), "/limits/max_trials", "max_total_trials"),
    (_set("search_space", {}), "/search_space", "at least 1"),
    (_set("search_space", {"a b": {"type": "choice", "values": [1]}}), "/search_space/a b", ""),
    (_set(X, {"type": "unifrom"}), "/search_space/x/type", "uniform"),
    (_set(X, {"type": "choice", "values": []}), "/search_space/x/values", "at least 1"),
    (_set(X, {"type": "choice", "values": [None]}), "/search_space/x/values/0", ""),
    (_set(X, {"type": "randint", "upper": 0}), "/search_space/x/upper", "1"),
    (_set(X, {"type": "randint", "upper": 1.5}), "/search_space/x/upper", "integer"),
    (_set(X + "/min_value", 1), "/search_space/x", "below max_value"),
    (_set(X + "/min_value", "0"), "/search_space/x/min_value", "number"),
    (_set(X + "/q", 0.1), "/search_space/x/q", ""),
    (_set(X, {"type": "quniform", "min_value": 0, "max_value": 1}), "/search_space/x/q", ""),
    (
        _set(X, {"type": "quniform", "min_value": 0, "max_value": 1, "q": 0}),
        "/search_space/x/q",
        "greater than 0",
    ),
    (_set(X, {"type": "normal", "mu": 0, "sigma": 0}), "/search_space/x/sigma", "greater than 0"),
    (_set("sampling_algorithm", "grid"), "/search_space/x", "choice"),
    (_set("sampling_algorithm", "sobol"), "/sampling_algorithm", "random"),
    (_set("sampling_algorithm", "bayesin"), "/sampling_algorithm", "bayesian"),
    (
        _set("sampling_algorithm", {"type": "random", "rule": "halton"}),
        "/sampling_algorithm/rule",
        "sobol",
    ),
    (
        _set("sampling_algorithm", {"type": "random", "logbase": -1}),
        "/sampling_algorithm/logbase",
        "",
    ),
    (_set("objective/goal", "minimise"), "/objective/goal", "minimize"),
    (_set("objective/primary_metric", ""), "/objective/primary_metric", ""),
    (_set("early_termination", {"type": "bandit"}), "/early_termination", "slack"),
    (
        _set("early_termination", {"type": "bandit", "slack_factor": 1, "slack_amount": 1}),
        "/early_termination",
        "slack",
    ),
    (
        _set("early_termination", {"type": "bandit", "slack_factor": 0}),
        "/early_termination/slack_factor",
        "greater than 0",
    ),
    (
        _set("early_termination", {"type": "truncation_selection", "truncation_percentage": 100}),
        "/early_termination/truncation_percentage",
        "99",
    ),
    (
        _set("early_termination", {"type": "median_stopping", "evaluation_interval": 0}),
        "/early_termination/evaluation_interval",
        "1",
    ),
    (_set("limits/max_total_trials", 0), "/limits/max_total_trials", "1"),
    (_set("limits/max_total_trials", 1001), "/limits/max_total_trials", "1000"),
    (_set("limits/max_total_trials", "4"), "/limits/max_total_trials", "integer"),
    (_set("limits/max_concurrent_trials", 101), "/limits/max_concurrent_trials", "100"),
    (_set("limits/timeout", -1), "/limits/timeout", "1"),
    (_set("limits/trial_timeout", "1m"), "/limits/trial_timeout", "integer"),
    (_set("trial/command", "python x.py ${{search_space.y}}"), "/trial/command", "x"),
    (_set("trial/command", "python x.py ${{input.x}}"), "/trial/command", "inputs"),
    (_set("trial/command", "python x.py ${{search_space.x"), "/trial/command", "closed"),
    (_set("trial/command", "python 'x.py"), "/trial/command", "quot"),
    (_set("trial/code", "nowhere"), "/trial/code", "does not exist"),
    (_set("trial/code", "../job"), "/trial/code", "without '..'"),
    (_set("trial/code", "/etc"), "/trial/code", "relative"),
    (_set("trial/code", "job/fails.py"), "/trial/code", "folder"),
    (_set("trial/code", "upload:" + "0" * 64), "/trial/code", "POST /v1/code"),
    (_set("trial/code", "azureml:code:1"), "/trial/code", "Azure"),
    (
        _set("inputs", {"data": {"type": "uri_file", "path": "../x"}}),
        "/inputs/data/path",
        "without '..'",
    ),
    (
        _set("inputs", {"data": {"type": "uri_file", "path": "azureml:data:1"}}),
        "/inputs/data/path",
        "local",
    ),
    (_set("inputs", {"data": {"type": "mltable", "path": "job"}}), "/inputs/data/type", "uri_"),
    (_set("inputs", {"data": {"type": "uri_file", "path": "job"}}), "/inputs/data/path", "file"),
    (_set("name", "no spaces"), "/name", ""),
    (_set("backend", "azure"), "/backend", "azureml"),
    (_set("backend", "azureml"), "/backend", "not configured"),
    (_set("canary", True), "/canary", "not supported"),  # noqa: FBT003 - a document's value
    (_set("continue_from", ["a"]), "/continue_from", "not supported"),
    (_set("constraints", ["x <"]), "/constraints/0", "expression"),
    (_set("tags", {"a": 1}), "/tags/a", "text"),
]


@pytest.mark.parametrize(("change", "pointer", "word"), RULES)
def test_a_broken_rule_is_named_with_its_place(
    service: Served, change: Change, pointer: str, word: str
) -> None:
    """One fault, at that pointer, in words that help."""
    body = copy.deepcopy(BASE)
    change(body)
    faults = _faults(_post(service, json.dumps(body)))
    assert list(faults) == [pointer], faults
    assert word in faults[pointer], faults


def test_all_faults_are_told_at_once(service: Served) -> None:
    """A document with three faults gets three entries."""
    body = copy.deepcopy(BASE)
    body["limits"]["max_total_trials"] = 0
    body["objective"]["goal"] = "up"
    body["unknown"] = 1
    faults = _faults(_post(service, json.dumps(body)))
    assert set(faults) == {"/limits/max_total_trials", "/objective/goal", "/unknown"}


def test_values_that_a_shell_would_run_are_refused_in_a_shell_command(service: Served) -> None:
    """Only where bash reads the command; elsewhere they are harmless words."""
    body = copy.deepcopy(BASE)
    body["trial"]["command"] = "python quadratic.py --x ${{search_space.x}} | cat"
    body["search_space"]["x"] = {"type": "choice", "values": ["1", "$(id)", "a b"]}
    faults = _faults(_post(service, json.dumps(body)))
    assert set(faults) == {"/search_space/x/values/1", "/search_space/x/values/2"}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ('{"trial": ', "application/json", 400),
        ("trial: [", "application/yaml", 400),
        ("trial: {a: 1, a: 2}", "application/yaml", 400),
        ('{"a": 1, "a": 2}', "application/json", 400),
        ("[1, 2]", "application/json", 400),
        ("", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        ("<a/>", "application/xml", 415),
        ("a=1", "application/x-www-form-urlencoded", 415),
        ("[" * 100_000, "application/json", 400),
        ("[" * 100_000, "application/yaml", 400),
        ("a: !!python/object/apply:os.system [id]", "application/yaml", 400),
        ('{"x": "' + "y" * 5_000_000 + '"}', "application/json", 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_body_that_cannot_be_read_is_refused(
    service: Served, body: str | bytes, kind: str, status: int
) -> None:
    """Malformed, repeated keys, too deep, too large, of another type."""
    assert _post(service, body, kind)["status"] == status


def test_a_chunked_body_over_the_limit_is_refused(service: Served) -> None:
    """Without a content-length, too."""
    answer = service.client.post(
        "/v1/sweeps",
        content=(b"x" * 65536 for _ in range(100)),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


def test_a_yaml_bomb_is_refused(service: Served) -> None:
    """A billion aliased values in a few hundred bytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    problem = _post(service, "\n".join(lines), "application/yaml")
    assert problem["status"] == 400
    assert "more than" in problem["detail"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_not_finite_are_refused_by_their_place(
    service: Served, number: str
) -> None:
    """In JSON as Python writes it, and beyond any double."""
    text = json.dumps(BASE).replace('"max_value": 1', f'"max_value": {number}')
    faults = _faults(_post(service, text))
    assert list(faults) == ["/search_space/x/max_value"]
    assert "finite" in faults["/search_space/x/max_value"]


def test_ten_thousand_hyperparameters_are_refused(service: Served) -> None:
    """With the limit named."""
    body = copy.deepcopy(BASE)
    body["search_space"] = {f"x{n}": {"type": "randint", "upper": 2} for n in range(10_000)}
    faults = _faults(_post(service, json.dumps(body)))
    assert "256" in faults["/search_space"]


def test_unknown_keys_suggest_the_nearest_known_one(service: Served) -> None:
    """As a typing error would want it."""
    body = copy.deepcopy(SEED)
    body["limits"]["max_concurent_trials"] = body["limits"].pop("max_concurrent_trials")
    body["early_terminaton"] = {"type": "median_stopping"}
    faults = _faults(_post(service, json.dumps(body)))
    assert "max_concurrent_trials" in faults["/limits/max_concurent_trials"]
    assert "early_termination" in faults["/early_terminaton"]
