"""Streams as their blocks arrive: lines, and the messages of Server-Sent Events."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sweepfront.streams import Message, lines, messages


@given(
    text=st.text(alphabet="ab\n\r\u2028\x0b\x85é"), cuts=st.lists(st.integers(0, 60), max_size=5)
)
def test_lines_do_not_depend_on_the_blocks(text: str, cuts: list[int]) -> None:
    """However the bytes of a character or a line's end are cut apart."""
    whole = text.encode()
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    blocks = [whole[a:b] for a, b in pairwise(places)]
    expected = text.split("\n")
    rest = expected.pop()
    found = [line.removesuffix("\r") for line in expected] + ([rest] if rest else [])
    assert list(lines(blocks)) == found


def test_messages_are_read_as_the_standard_says() -> None:
    """Comments and other fields are passed over, data of several lines is joined, a rest is left."""
    text = (
        "id: 3\nretry: 5\n\n: alive\n\n"
        "id: 4\nevent: metric\ndata: {\ndata:  1}\n\n\ndata:b\n\ndata: cut off"
    )
    expected = [Message("3", ""), Message("4", "{\n 1}"), Message(None, "b")]
    assert list(messages(text.split("\n"))) == expected
