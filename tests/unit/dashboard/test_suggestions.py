"""Suggestions: what the editor of a new sweep offers where the cursor stands."""

import pytest

from app.dashboard.suggestions import Place, suggestions
from app.sweep.document import SweepDocument

TOP = suggestions(SweepDocument.model_json_schema(mode="validation"))


def _at(path: str) -> Place:
    """The place below a path of keys; what an author chooses is written as *."""
    place = TOP
    for part in path.split():
        place = place["any"] if part == "*" else place["keys"][part]["next"]
    return place


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("trial", {"command", "code", "environment"}),
        ("search_space *", {"type", "values", "min_value", "max_value", "q"}),
        ("search_space * values *", {"type", "upper"}),
        ("sampling_algorithm", {"type", "seed", "rule"}),
        ("early_termination", {"type", "slack_factor", "truncation_percentage"}),
        ("inputs *", {"type", "path", "mode"}),
    ],
)
def test_keys_are_those_of_every_form(path: str, keys: set[str]) -> None:
    """References, unions, free names and branches are followed."""
    assert keys <= set(_at(path)["keys"])


def test_each_key_says_what_it_is() -> None:
    """In the words of the schema."""
    assert TOP["keys"]["limits"]["info"] == "When the sweep ends."
    assert "multiples" in _at("search_space *")["keys"]["q"]["info"]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("backend", ["local", "azureml"]),
        ("objective goal", ["minimize", "maximize"]),
        ("canary", ["true", "false"]),
        ("early_termination", ["median_stopping"]),
    ],
)
def test_values_that_can_be_listed_are(path: str, values: list[str]) -> None:
    """Enumerations, constants, yes or no."""
    assert list(_at(path)["values"]) == values


def test_each_kind_says_what_it_does() -> None:
    """A type is chosen by what it means."""
    assert _at("search_space * type")["values"]["randint"] == "An integer in [0, upper)."


@pytest.mark.parametrize("path", ["trial command", "inputs *", "tags *", "limits timeout"])
def test_what_cannot_be_listed_is_not(path: str) -> None:
    """Free text and numbers have no suggestions."""
    assert "values" not in _at(path)
