"""Moments by name: each is told once, when it has come, and only if it is still the one."""

from hypothesis import given
from hypothesis import strategies as st

from app.engine.alarms import Alarms

NAMES = st.sampled_from(["a", "b", "c"])
SETTINGS = st.lists(st.tuples(NAMES, st.none() | st.integers(0, 20)), max_size=30)


@given(SETTINGS, st.integers(0, 20))
def test_what_is_due_is_what_was_set_last(settings: list[tuple[str, int | None]], now: int) -> None:
    """Whatever was set before for the same name."""
    alarms = Alarms()
    last: dict[str, int] = {}
    for name, at in settings:
        alarms.ring(name, at)
        last.pop(name, None)
        if at is not None:
            last[name] = at
    assert alarms.next() == min(last.values(), default=None)
    due = {name for name, at in last.items() if at <= now}
    assert alarms.due(now) == due
    assert alarms.due(now) == set()
    assert alarms.next() == min((at for name, at in last.items() if name not in due), default=None)
