"""Any JSON becomes a document that holds, or is refused in words; YAML is read back as it was."""

import copy
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from app.sweep.body import decode, to_yaml
from app.sweep.errors import InvalidDocumentError, SweepfrontError
from app.sweep.hyperdrive import convert
from app.sweep.hyperdrive_words import WordsError, read
from app.sweep.parsing import parse_document
from tests.unit.sweep.hyperdrives import CONCRETE, WIRE, Json

WORDS = (
    *("name", "type", "properties", "parameter_space", "--x", "x", "goal", "script", "command"),
    *("arguments", "environment", "python", "slack_factor", "run_config", "Definition"),
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
    | st.sampled_from(
        ["choice(1, 2)", "uniform(0, 1)", "RANDOM", "Bandit", "MINIMIZE", "{", "a.py"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
BASES = st.sampled_from([CONCRETE, WIRE])


@st.composite
def _damaged(draw: st.DrawFn) -> Json:
    """A configuration with one value somewhere replaced, removed or added."""
    body = copy.deepcopy(draw(BASES))
    here: Any = body
    while isinstance(here, dict) and here:
        key = draw(st.sampled_from(sorted(here)))
        if not isinstance(here[key], dict) or draw(st.booleans()):
            here[key] = draw(JSON_VALUES)
            return body
        here = here[key]
    return body


@given(_damaged() | st.dictionaries(st.sampled_from([*CONCRETE, *WIRE]), JSON_VALUES))
@example({})
@example({"HyperDriveConfig": CONCRETE})
def test_any_json_becomes_a_valid_document_or_is_refused_in_words(body: Json) -> None:
    """What comes out is read again from its YAML, by us and as `az ml` reads it."""
    try:
        document = convert(body).document
    except InvalidDocumentError as error:
        assert error.errors
        assert all(fault.message for fault in error.errors)
        return
    text = to_yaml(document)
    assert decode(text.encode(), "application/yaml") == document
    assert yaml.safe_load(text) == document
    parse_document(document)


@given(st.text(max_size=60) | st.text("choice(1,'a')[]{}:-.*", max_size=30))
def test_no_text_is_more_than_misunderstood(text: str) -> None:
    """Literals and calls, or words about it."""
    try:
        read(text)
    except WordsError as error:
        assert str(error)


@given(JSON_VALUES)
@example("1e-4")
@example("2024-01-01")
@example("yes")
@example(1e-5)
@example("\x85")
@example("a\n\n  b ")
def test_yaml_is_read_back_as_what_it_was(value: object) -> None:
    """Numbers, booleans and texts that look like them, by either reader."""
    text = to_yaml({"value": value})
    assert yaml.safe_load(text) == {"value": value}
    try:
        assert repr(decode(text.encode(), "application/yaml")) == repr({"value": value})
    except SweepfrontError as error:
        assert "null" in str(error) or _has_null(value)


def _has_null(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list) else value is None
