"""Drawn hyperparameters keep the type that the search space gives them."""

import json
from typing import Any

import pytest
from azure.ai.ml.sweep import Choice, QUniform, Uniform

from app.backends.azureml.parameters import DrawnFrom
from app.sweep.search_space import Scalar

SPACE: dict[str, Any] = {
    "text": Choice(values=["1", "2.50", "true", "None"]),
    "number": Choice(values=[1, 0.5]),
    "boolean": Choice(values=[True, False]),
    "mixed": Choice(values=["1", 1, 1.0, True]),
    "lr": Uniform(min_value=0, max_value=1),
    "q": QUniform(min_value=0, max_value=9, q=1),
    "branch": Choice(
        values=[
            {"kind": "1", "depth": Choice(values=[3, 5])},
            {"kind": "2", "rate": Uniform(min_value=0, max_value=1)},
        ]
    ),
}


def _same(found: object, expected: object) -> bool:
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("text", "1", "1"),
        ("text", 1, "1"),
        ("text", "2.50", "2.50"),
        ("text", "true", "true"),
        ("number", "1", 1),
        ("number", "1.0", 1),
        ("number", 0.5, 0.5),
        ("boolean", "True", True),
        ("boolean", "false", False),
        ("boolean", False, False),
        ("mixed", 1, 1),
        ("mixed", 1.0, 1.0),
        ("mixed", True, True),
        ("mixed", "1", "1"),
        ("lr", "0.25", 0.25),
        ("lr", "1e-3", 0.001),
        ("lr", 1, 1),
        ("lr", "NaN", "NaN"),
        ("q", "3", 3),
        ("kind", "2", "2"),
        ("depth", "5", 5),
        ("rate", "0.5", 0.5),
        ("unheard_of", "1", "1"),
        ("unheard_of", [1], "[1]"),
    ],
)
def test_the_search_space_decides_the_type(name: str, written: object, expected: Scalar) -> None:
    """Whether Azure writes JSON or text."""
    for key in (name, f"--{name}"):
        found = DrawnFrom(SPACE).parameters(json.dumps({key: written}), {})
        assert _same(found[name], expected), found


def test_a_branch_is_read_flat() -> None:
    """As the local engine tells it, which knows no value of the choice itself."""
    drawn = {"branch": {"kind": "1", "depth": "3"}, "lr": 0.5}
    found = DrawnFrom(SPACE).parameters(json.dumps(drawn), {})
    assert found == {"kind": "1", "depth": 3, "lr": 0.5}


@pytest.mark.parametrize("tag", [None, "", "{}", "no JSON", "[1]"])
def test_without_a_tag_the_runs_parameters_count(tag: str | None) -> None:
    """Those of hyperparameters, on every level; what else a script logs is none."""
    logged = {"text": "1", "lr": "0.5", "depth": "3", "other": "9"}
    assert DrawnFrom(SPACE).parameters(tag, logged) == {"text": "1", "lr": 0.5, "depth": 3}
