"""Bodies: JSON and YAML mean the same, and nothing ambiguous is read."""

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from app.sweep.body import decode
from app.sweep.errors import InvalidDocumentError, SweepfrontError, UnreadableBodyError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
OBJECTS = st.dictionaries(
    TEXT,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=5,
)


class _Dumper(yaml.SafeDumper):
    """Quotes 1e5, which PyYAML takes for text."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+\Z"), None
)


@given(value=OBJECTS)
def test_json_is_read_back(value: dict[str, Any]) -> None:
    """Every JSON object with finite numbers."""
    assert decode(json.dumps(value).encode(), "application/json") == value


@given(value=OBJECTS)
@example(value={"0E0": "1e5"})
def test_yaml_is_read_back(value: dict[str, Any]) -> None:
    """Every object as PyYAML writes it, which must quote texts that are numbers to YAML 1.2."""
    text = yaml.dump(value, Dumper=_Dumper)
    assert decode(text.encode(), "application/yaml") == value


@given(data=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/yaml"]))
def test_any_bytes_are_read_or_refused_in_words(data: bytes, kind: str) -> None:
    """Nothing else can happen."""
    try:
        assert isinstance(decode(data, kind), dict)
    except SweepfrontError as refused:
        assert refused.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e-4", 1e-4),
        ("a: 1.5", 1.5),
        ("a: .5", 0.5),
        ("a: on", True),
        ("a: 2026-01-02", "2026-01-02"),
        ("a: 0x10", 16),
        ("a: 1_000", 1000),
        ("a: '1'", "1"),
        ("a: ~", None),
        ("a: >-\n  b\n  c", "b c"),
        ("x: &x {b: 1}\na: {<<: *x, c: 2}", {"b": 1, "c": 2}),
    ],
)
def test_yaml_scalars_mean_what_people_expect(text: str, value: object) -> None:
    """YAML 1.1 as `az ml` reads it; exponents without a point are numbers, dates are text."""
    found = decode(text.encode(), "application/yaml")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["a: {b: 1, b: 2}", "a: *x", "a: !!set {b}", "- a", "a: [", "\ta"])
def test_yaml_that_is_ambiguous_or_broken_is_refused(text: str) -> None:
    """With the place, where there is one."""
    with pytest.raises((UnreadableBodyError, InvalidDocumentError)):
        decode(text.encode(), "application/yaml")


@pytest.mark.parametrize("text", ["a: .nan", "a: .inf", "a: -.inf", "a: 1e999"])
def test_yaml_numbers_that_are_not_finite_are_refused(text: str) -> None:
    """By their place."""
    with pytest.raises(InvalidDocumentError) as refused:
        decode(text.encode(), "application/yaml")
    assert [fault.pointer for fault in refused.value.errors] == ["/a"]
