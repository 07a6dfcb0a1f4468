"""Which values of a metric are news, however late, partial or disordered Azure's answers; pure.

Values are numbered in the order in which they were told, never anew: a value that comes late, with
an older time, gets the next number. The last ones told are remembered by marks, so that a cursor
stays small; what is older than those counts as told.
"""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import ConfigDict

REMEMBERED = 64
"""The values of a metric, the newest by time, that are known one by one."""
PATIENCE = 5
"""Looks at most that wait for a history to reach the value that its run shows as the last."""
FIGURES = ConfigDict(ser_json_inf_nan="constants")
"""NaN and the infinities survive a cursor."""

_MARK_BYTES = 6
_MARK = _MARK_BYTES * 4 // 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One logged value; `at` in milliseconds since 1970."""

    __pydantic_config__: ClassVar[ConfigDict] = FIGURES

    value: float
    step: int
    at: int

    def same(self, other: "Value | None") -> bool:
        """Equal; NaN is equal to NaN here, or it would be news for ever."""
        if other is None or (self.step, self.at) != (other.step, other.at):
            return False
        return self.value == other.value or math.isnan(self.value + other.value)

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among the values of its metric."""
        return self.at, self.step


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What earlier looks told of one metric of a trial.

    Attributes:
        count: how many values; the next one is report number `count + 1`.
        latest: the last value that the run showed when its history had been read up to it.
        marks: of the newest values told, one after the other.
        closed: place of the newest value told that has no mark.
        behind: looks in a row in which the history lacked the value that the run showed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = FIGURES

    count: int = 0
    latest: Value | None = None
    marks: str = ""
    closed: tuple[int, int] = (-1, -1)
    behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a history adds.

    Attributes:
        values: not told yet, the oldest first.
        told: what is told then.
        too_late: values came that are older than all whose marks are kept; they are not told.
    """

    values: Sequence[Value]
    told: Told
    too_late: bool = False


def news_of(told: Told, history: Sequence[Value], shown: Value) -> News:
    """Hold a history against what was told of it.

    Args:
        told: by earlier looks.
        history: what Azure answers, in any order, perhaps without some of the values.
        shown: what the run shows as the metric's last value.
    """
    ordered = sorted(history, key=lambda value: value.place)
    marks = {told.marks[at : at + _MARK] for at in range(0, len(told.marks), _MARK)}
    unmarked = [value for value in ordered if _mark(value) not in marks]
    new = [value for value in unmarked if value.place > told.closed]
    closed_now, closed_before = len(unmarked) - len(new), told.count - len(marks)
    after = replace(told, count=told.count + len(new))
    if len(ordered) - len(new) < told.count:
        after = replace(after, marks=told.marks + _marks(new))
    else:
        kept, rest = ordered[-REMEMBERED:], ordered[:-REMEMBERED]
        closed = max(told.closed, rest[-1].place) if rest else told.closed
        after = replace(after, marks=_marks(kept), closed=closed)
    behind = 0 if any(value.same(shown) for value in history) else told.behind + 1
    if behind in (0, PATIENCE):
        after = replace(after, latest=shown, behind=0)
    else:
        after = replace(after, behind=behind)
    return News(values=new, told=after, too_late=closed_now > closed_before)


def _marks(values: Sequence[Value]) -> str:
    return "".join(_mark(value) for value in values)


def _mark(value: Value) -> str:
    words = f"{value.at} {value.step} {value.value!r}".encode()
    return base64.b64encode(hashlib.blake2b(words, digest_size=_MARK_BYTES).digest()).decode()
