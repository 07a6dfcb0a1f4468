"""GET /v1/schema/sweep.json: a schema that an editor can use and that tells the truth."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from app.sweep.examples import EXAMPLES
from tests.served import ROOT, Json, Served


@pytest.fixture(scope="module")
def schema(service: Served) -> Json:
    """As it is served."""
    answer = service.client.get("/v1/schema/sweep.json")
    assert answer.headers["content-type"] == "application/schema+json"
    found: Json = answer.json()
    Draft202012Validator.check_schema(found)
    return found


def objects(schema: Json) -> dict[str, Json]:
    """Every object of the schema that has named properties."""
    found = {"(document)": schema, **schema["$defs"]}
    return {name: each for name, each in found.items() if each.get("properties")}


def test_every_key_is_described(schema: Json) -> None:
    """An editor shows what it means; the constant `type` of an expression explains itself."""
    bare = [
        f"{name}.{key}"
        for name, each in objects(schema).items()
        for key, value in each["properties"].items()
        if "description" not in value and "const" not in value
    ]
    assert bare == []
    assert all(each.get("description") for each in objects(schema).values())


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda p: p.name)
def test_the_examples_are_valid(schema: Json, path: Path) -> None:
    """Those of the repository and those in the schema itself."""
    validator = Draft202012Validator(schema)
    validator.validate(yaml.safe_load(path.read_text()))
    for example in schema["examples"]:
        validator.validate(example)
    assert len(schema["examples"]) == len(EXAMPLES)


@pytest.mark.parametrize(
    "change",
    [
        {"serch_space": {}},
        {"objective": {"primary_metric": "x", "goal": "smallest"}},
        {"search_space": {"x": {"type": "uniform", "min_value": 0}}},
        {"search_space": {"x": {"type": "lognormal", "mu": 0, "sigma": 0}}},
        {"search_space": {"x y": {"type": "randint", "upper": 3}}},
        {"limits": {"max_total_trials": 0}},
        {"early_termination": {"type": "truncation_selection", "truncation_percentage": 100}},
        {"sampling_algorithm": {"type": "randm"}},
    ],
)
def test_what_the_service_refuses_the_schema_refuses(schema: Json, change: Any) -> None:  # noqa: ANN401 - a document's part
    """Typing errors, missing fields, numbers out of range."""
    body = {**EXAMPLES["concrete"]["value"], **change}
    assert not Draft202012Validator(schema).is_valid(body)
