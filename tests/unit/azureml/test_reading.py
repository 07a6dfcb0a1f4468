"""From what Azure shows to what is new, look by look, as tables."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backends.azureml.reading import (
    MAX_SETTLING,
    JobView,
    RunView,
    changed_metrics,
    known_of,
    snapshot_of,
)
from app.backends.azureml.reports import Value
from app.sweep.state import SweepSnapshot, SweepStatus, TrialStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def value(number: float, step: int = 0) -> Value:
    """A value logged at a second that follows from its step."""
    return Value(value=number, step=step, at=1_767_225_600_000 + 1000 * step)


def run(
    number: int = 0,
    status: str = "RUNNING",
    *,
    ours: bool = False,
    latest: Mapping[str, Value] | None = None,
) -> RunView:
    """A run of a trial."""
    return RunView(
        number=number,
        run_id=f"s_{number}",
        status=status,
        started_at=START,
        finished_at=END if status in ("FINISHED", "FAILED", "KILLED") else None,
        parameters={"x": number},
        latest=latest or {},
        canceled_by_us=ours,
    )


def look(
    runs: Sequence[RunView],
    *,
    job: str = "Running",
    cursor: str | None = None,
    histories: Mapping[tuple[int, str], Sequence[Value]] | None = None,
    policy: bool = False,
    more: bool = False,
) -> SweepSnapshot:
    """One look from a cursor."""
    view = JobView(status=job, url="https://studio", best_trial=0)
    return snapshot_of(known_of(cursor), view, runs, histories or {}, has_policy=policy, more=more)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NotStarted", SweepStatus.QUEUED),
        ("Queued", SweepStatus.QUEUED),
        ("Preparing", SweepStatus.QUEUED),
        ("Running", SweepStatus.RUNNING),
        ("Finalizing", SweepStatus.RUNNING),
        ("NotResponding", SweepStatus.RUNNING),
        ("AWordOfTomorrow", SweepStatus.RUNNING),
        ("CancelRequested", SweepStatus.CANCELING),
    ],
)
def test_the_words_of_jobs(word: str, status: SweepStatus) -> None:
    """A word that nobody knows is no end."""
    assert look([], job=word).status is status


@pytest.mark.parametrize(
    ("status", "policy", "ours", "job", "expected", "inferred"),
    [
        ("SCHEDULED", True, False, "Running", TrialStatus.QUEUED, False),
        ("RUNNING", True, False, "Running", TrialStatus.RUNNING, False),
        ("FINISHED", True, False, "Running", TrialStatus.COMPLETED, False),
        ("FAILED", True, False, "Running", TrialStatus.FAILED, False),
        ("KILLED", True, False, "Running", TrialStatus.EARLY_TERMINATED, True),
        ("KILLED", True, False, "Completed", TrialStatus.EARLY_TERMINATED, True),
        ("KILLED", True, True, "Running", TrialStatus.CANCELED, False),
        ("KILLED", False, False, "Running", TrialStatus.CANCELED, False),
        ("KILLED", True, False, "Canceled", TrialStatus.CANCELED, False),
        ("KILLED", True, False, "CancelRequested", TrialStatus.CANCELED, False),
        ("KILLED", True, False, "Failed", TrialStatus.CANCELED, False),
    ],
)
def test_states_of_trials(
    *,
    status: str,
    policy: bool,
    ours: bool,
    job: str,
    expected: TrialStatus,
    inferred: bool,
) -> None:
    """Canceled is taken for early-terminated only where a policy may have done it."""
    (trial,) = look([run(status=status, ours=ours)], job=job, policy=policy).trials
    assert (trial.status, trial.inferred) == (expected, inferred)


def test_a_second_look_at_the_same_tells_nothing() -> None:
    """Neither trials nor reports."""
    runs = [run(latest={"loss": value(1)})]
    first = look(runs, histories={(0, "loss"): [value(1)]})
    assert (len(first.trials), len(first.metrics)) == (1, 1)
    assert changed_metrics(known_of(first.cursor), runs[0]) == []
    second = look(runs, cursor=first.cursor)
    assert (second.trials, second.metrics) == ([], [])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_reports_come_once_and_in_order(pieces: list[int]) -> None:
    """However the values arrive, intervals are 1, 2, 3 ... and no value is told twice."""
    values = [value(float(n), step=n) for n in range(sum(pieces))]
    told = []
    cursor = None
    seen = 0
    for piece in pieces:
        seen += piece
        shown = values[:seen]
        runs = [run(latest={"loss": shown[-1]})]
        snapshot = look(runs, cursor=cursor, histories={(0, "loss"): list(reversed(shown))})
        told += [(each.interval, each.value) for each in snapshot.metrics]
        cursor = snapshot.cursor
    assert told == [(n + 1, float(n)) for n in range(len(values))]


def test_histories_left_for_the_next_look_are_asked_for_again() -> None:
    """A look reads a bounded number of them; nothing is forgotten."""
    runs = [run(number, latest={"loss": value(number)}) for number in range(2)]
    first = look(runs, histories={(0, "loss"): [value(0)]}, more=True)
    assert first.more
    known = known_of(first.cursor)
    assert [changed_metrics(known, each) for each in runs] == [[], ["loss"]]


def test_the_end_is_told_when_nothing_changes_any_more() -> None:
    """Runs and values may lag behind their job."""
    late = look([run(status="RUNNING")], job="Completed")
    assert late.status is SweepStatus.RUNNING
    done = [run(status="FINISHED", latest={"loss": value(1)})]
    second = look(done, job="Completed", cursor=late.cursor, histories={(0, "loss"): [value(1)]})
    assert second.status is SweepStatus.RUNNING
    third = look(done, job="Completed", cursor=second.cursor)
    assert (third.status, third.finished_at) == (SweepStatus.COMPLETED, END)
    assert third.provider_best == 0


def test_a_run_that_never_ends_does_not_keep_the_sweep_open() -> None:
    """After some looks the job's word counts."""
    cursor = None
    looks = 0
    snapshot = look([])
    while snapshot.status is not SweepStatus.COMPLETED:
        snapshot = look([run()], job="Completed", cursor=cursor)
        cursor = snapshot.cursor
        looks += 1
    assert looks == MAX_SETTLING


def test_values_that_are_no_numbers_survive_the_cursor() -> None:
    """NaN and the infinities come back, and count as the same."""
    for odd in (float("inf"), float("-inf")):
        runs = [run(latest={"loss": value(odd)})]
        first = look(runs, histories={(0, "loss"): [value(odd)]})
        assert changed_metrics(known_of(first.cursor), runs[0]) == []


def test_a_value_that_is_not_a_number_is_read_once() -> None:
    """NaN differs from itself, and must not be read at every look for that."""
    runs = [run(latest={"loss": value(float("nan"))})]
    first = look(runs, histories={(0, "loss"): [value(float("nan"))]})
    assert changed_metrics(known_of(first.cursor), runs[0]) == []
