"""Late, partial and disordered histories: every value is told once, numbered as it came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backends.azureml.reading import (
    JobView,
    RunView,
    changed_metrics,
    known_of,
    snapshot_of,
)
from app.backends.azureml.reports import PATIENCE, REMEMBERED, Told, Value, news_of
from app.sweep.state import SweepSnapshot, SweepStatus, TrialStatus


def value(number: float, second: int) -> Value:
    """A value logged at a second."""
    return Value(value=number, step=0, at=1000 * second)


def run(number: int, status: str, last: Value | None) -> RunView:
    """A run of a trial."""
    return RunView(
        number=number,
        run_id=f"s_{number}",
        status=status,
        started_at=None,
        finished_at=None,
        parameters={},
        latest={"loss": last} if last else {},
        canceled_by_us=False,
    )


class Watch:
    """Looks at one sweep, from cursor to cursor, and keeps what was told."""

    def __init__(self) -> None:
        self.cursor: str | None = None
        self.told: list[tuple[int, int, float]] = []
        self.latest = SweepSnapshot(status=SweepStatus.QUEUED)

    def look(self, job: str, *runs: tuple[RunView, list[Value]]) -> list[tuple[int, float]]:
        """One look; each run with its history. Returns the new (interval, value)s."""
        known = known_of(self.cursor)
        histories = {
            (run.number, name): history
            for run, history in runs
            for name in changed_metrics(known, run)
        }
        views = [run for run, _ in runs]
        snapshot = snapshot_of(known, JobView(status=job), views, histories, has_policy=False)
        self.cursor = snapshot.cursor
        self.latest = snapshot
        new = [(each.trial, each.interval, each.value) for each in snapshot.metrics]
        self.told += new
        return [(interval, number) for _, interval, number in new]


def test_a_run_that_an_answer_lacks_is_not_told_again() -> None:
    """It is there again in the next look, and only its new value is news."""
    watch = Watch()
    both = [value(1.0, 1), value(2.0, 2)]
    assert watch.look("Running", (run(0, "RUNNING", both[0]), both[:1])) == [(1, 1.0)]
    assert watch.look("Running") == []
    assert watch.look("Running", (run(0, "RUNNING", both[1]), both)) == [(2, 2.0)]
    assert not watch.latest.trials


def test_an_ended_run_does_not_run_again() -> None:
    """An answer of before its end is no news."""
    watch = Watch()
    watch.look("Running", (run(0, "FINISHED", None), []))
    assert [trial.status for trial in watch.latest.trials] == [TrialStatus.COMPLETED]
    for status in ("RUNNING", "FINISHED"):
        watch.look("Running", (run(0, status, None), []))
        assert not watch.latest.trials


def test_a_value_that_comes_late_gets_the_next_number() -> None:
    """What was told before keeps its number."""
    watch = Watch()
    first, late, last = value(1.0, 1), value(2.0, 2), value(3.0, 3)
    assert watch.look("Running", (run(0, "RUNNING", last), [first, last])) == [(1, 1.0), (2, 3.0)]
    newest = value(4.0, 4)
    news = watch.look("Running", (run(0, "RUNNING", newest), [first, late, last, newest]))
    assert news == [(3, 2.0), (4, 4.0)]


def test_a_value_that_comes_late_is_read_when_its_trial_ends() -> None:
    """Though it is not the last one, which is all that the run itself shows."""
    watch = Watch()
    first, late, last = value(1.0, 1), value(2.0, 2), value(3.0, 3)
    watch.look("Running", (run(0, "RUNNING", last), [first, last]))
    assert watch.look("Running", (run(0, "RUNNING", last), [first, late, last])) == []
    assert watch.look("Running", (run(0, "FINISHED", last), [first, late, last])) == [(3, 2.0)]


def test_a_history_that_lags_behind_its_run_is_asked_for_again() -> None:
    """But not for ever; and while it lags, the sweep has not ended."""
    watch = Watch()
    first, last = value(1.0, 1), value(2.0, 2)
    lagging = (run(0, "FINISHED", last), [first])
    assert watch.look("Completed", lagging) == [(1, 1.0)]
    for _ in range(PATIENCE - 2):
        assert watch.look("Completed", lagging) == []
        assert watch.latest.status is SweepStatus.RUNNING
    watch.look("Completed", lagging)
    assert changed_metrics(known_of(watch.cursor), lagging[0]) == []
    watch.look("Completed", lagging)
    assert watch.latest.status is SweepStatus.COMPLETED


def test_a_run_that_the_last_answers_lack_keeps_the_sweep_open() -> None:
    """Its outcome and its values may still change."""
    watch = Watch()
    watch.look("Running", (run(0, "FINISHED", None), []), (run(1, "FINISHED", None), []))
    for _ in range(3):
        watch.look("Completed", (run(0, "FINISHED", None), []))
        assert watch.latest.status is SweepStatus.RUNNING
    watch.look("Completed", (run(0, "FINISHED", None), []), (run(1, "FINISHED", None), []))
    assert watch.latest.status is SweepStatus.COMPLETED


numbers = st.floats(allow_nan=False, width=16)


@given(
    values=st.lists(st.tuples(numbers, st.integers(0, 20)), unique=True, max_size=30),
    shown=st.lists(st.sets(st.integers(0, 29)), max_size=6),
)
def test_every_value_is_told_once(values: list[tuple[float, int]], shown: list[set[int]]) -> None:
    """Whatever part of a history each answer has, in whatever order."""
    everything = [value(*each) for each in values]
    told = Told()
    seen: list[Value] = []
    for chosen in [*shown, set(range(30))]:
        part = [everything[at] for at in chosen if at < len(everything)]
        if not part:
            continue
        news = news_of(told, part, part[-1])
        assert news.told.count == told.count + len(news.values)
        assert not news.too_late
        seen += news.values
        told = news.told
    assert sorted(seen, key=repr) == sorted(everything, key=repr)


def test_a_cursor_does_not_grow_with_the_history() -> None:
    """Ten thousand values cost as much as a hundred; only the newest are known one by one."""
    sizes = []
    for count in (100, 10_000):
        history = [value(1 / (n + 1), n) for n in range(count)]
        watch = Watch()
        watch.look("Running", (run(0, "RUNNING", history[-1]), history))
        assert watch.cursor is not None
        sizes.append(len(watch.cursor))
        assert watch.look("Running", (run(0, "RUNNING", history[-1]), history)) == []
    assert sizes[1] < sizes[0] + 20


@pytest.mark.parametrize(("second", "too_late"), [(50, False), (5, True)])
def test_a_value_that_comes_too_late_is_said(second: int, *, too_late: bool) -> None:
    """It is older than all that are known one by one; it shifts and doubles nothing."""
    history = [value(float(n), n) for n in range(REMEMBERED + 10)]
    watch = Watch()
    watch.look("Running", (run(0, "RUNNING", history[-1]), history))
    history += [value(-1.0, second), value(0.5, 1000)]
    news = watch.look("Running", (run(0, "RUNNING", history[-1]), history))
    first = REMEMBERED + 11
    assert news == ([(first, 0.5)] if too_late else [(first, -1.0), (first + 1, 0.5)])
    assert bool(watch.latest.warnings) is too_late
