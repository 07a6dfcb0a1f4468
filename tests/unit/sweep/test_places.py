"""Places: a fault's pointer leads to the line that a person has to change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sweep.body import decode, to_yaml
from app.sweep.errors import UnreadableBodyError
from app.sweep.faults import pointer
from app.sweep.places import lines_of

TEXT = """\
# of a sweep
trial:
  command: python a.py   # the script
  code: job
search_space:
  x: &x
    type: choice
    values: [1, 2,
             3]
  "y/z~":
    <<: *x
    values:
      - 4
      - deep: {type: uniform,
               min_value: 0}
"""


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("", 2),
        ("/trial", 2),
        ("/trial/command", 3),
        ("/trial/environment", 2),
        ("/search_space/x/values/1", 8),
        ("/search_space/x/values/2", 9),
        ("/search_space/x/values/7", 8),
        ("/search_space/y~1z~0", 10),
        ("/search_space/y~1z~0/type", 7),
        ("/search_space/y~1z~0/values/1/deep/min_value", 15),
        ("/limits/max_total_trials", 2),
        ("/trial/command/0", 3),
    ],
)
def test_a_pointer_leads_to_its_line(where: str, line: int) -> None:
    """Keys and items of either style; what is missing is where it should stand."""
    decode(TEXT.encode(), "application/yaml")
    assert lines_of(TEXT, [where]) == [line]


def test_a_text_without_anything_has_its_first_line() -> None:
    """There is somewhere to begin."""
    assert lines_of("# nothing yet\n", ["/trial"]) == [1]


def test_several_pointers_keep_their_order() -> None:
    """One line each."""
    assert lines_of(TEXT, ["/search_space", "/trial/code"]) == [5, 4]


@given(
    st.recursive(
        st.dictionaries(st.from_regex(r"[a-z~/]{1,5}", fullmatch=True), st.integers(), max_size=3),
        lambda inner: st.dictionaries(st.from_regex(r"[a-z~/]{1,5}", fullmatch=True), inner),
        max_leaves=8,
    )
)
def test_every_key_is_on_the_line_it_is_said_to_be_on(body: dict[str, Any]) -> None:
    """For any object, as it is written down."""
    text = to_yaml(body)
    lines = text.splitlines()

    def walk(value: object, path: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                (line,) = lines_of(text, [pointer((*path, key))])
                assert lines[line - 1].strip().lstrip("{").startswith((key, f"'{key}'", f'"{key}"'))
                walk(inner, (*path, key))

    walk(body, ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3),
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", 5),
        ("\tx: 1\n", 1),
        ("- a\n", None),
    ],
)
def test_what_cannot_be_read_tells_where(text: str, line: int | None) -> None:
    """A slip of the pen and a key that stands twice."""
    with pytest.raises(UnreadableBodyError) as caught:
        decode(text.encode(), "application/yaml")
    assert caught.value.line == line
