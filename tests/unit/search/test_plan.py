"""What a sweep does next, from tables of states."""

from dataclasses import replace
from typing import Any

import pytest

from app.search.plan import Finish, Progress, Start, Stop, plan
from app.sweep.document import SweepDocument
from app.sweep.parsing import parse_document
from app.sweep.state import SweepStatus, Trial, TrialStatus

COMPLETED, FAILED, STOPPED = (
    TrialStatus.COMPLETED,
    TrialStatus.FAILED,
    TrialStatus.EARLY_TERMINATED,
)
RUNNING, QUEUED, CANCELED = TrialStatus.RUNNING, TrialStatus.QUEUED, TrialStatus.CANCELED


def _document(total: int = 4, concurrent: int = 2, **limits: object) -> SweepDocument:
    extra = {key: limits.pop(key) for key in ("max_failed_trials", "target_value") if key in limits}
    body: dict[str, Any] = {
        "trial": {"command": "python t.py ${{search_space.x}}"},
        "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
        "sampling_algorithm": {"type": "random", "seed": 1},
        "objective": {"primary_metric": "m", "goal": limits.pop("goal", "minimize")},
        "limits": {
            "max_total_trials": total,
            "max_concurrent_trials": concurrent,
            **limits,
        },
        "extra_limits": extra,
    }
    return parse_document(body)


def _progress(
    *statuses: TrialStatus, values: tuple[float | None, ...] = (), **more: object
) -> Progress:
    trials = {
        number: Trial(
            number=number,
            status=status,
            objective_value=values[number] if values else 1.0,
            status_reason="exit code 1" if status is FAILED else None,
        )
        for number, status in enumerate(statuses)
    }
    defaults: dict[str, Any] = {
        "waiting": [number for number, status in enumerate(statuses) if status is QUEUED],
        "ended": [number for number, status in enumerate(statuses) if status.finished],
        "running_seconds": {n: 1.0 for n, s in enumerate(statuses) if s is RUNNING},
    }
    return Progress(trials=trials, **{**defaults, **more})


def test_starts_as_many_as_concurrency_allows() -> None:
    """A new sweep starts trials 0 and 1 where two may run at once."""
    assert plan(_document(), _progress(), free_slots=8) == [Start(0), Start(1)]


def test_starts_no_more_than_the_machine_takes() -> None:
    """One free slot means one start, none means none."""
    assert plan(_document(), _progress(), free_slots=1) == [Start(0)]
    assert plan(_document(), _progress(), free_slots=0) == []


def test_running_trials_use_up_concurrency() -> None:
    """With two running of two allowed nothing starts; with one running, one does."""
    assert plan(_document(), _progress(RUNNING, RUNNING), free_slots=8) == []
    assert plan(_document(), _progress(COMPLETED, RUNNING), free_slots=8) == [Start(2)]


def test_waiting_trials_go_first() -> None:
    """An interrupted trial is started before a new one is drawn."""
    progress = _progress(COMPLETED, QUEUED, COMPLETED)
    assert plan(_document(), progress, free_slots=8) == [Start(1), Start(3)]


def test_never_more_than_max_total_trials() -> None:
    """The last number is max_total_trials - 1."""
    progress = _progress(COMPLETED, COMPLETED, COMPLETED)
    assert plan(_document(total=4, concurrent=4), progress, free_slots=8) == [Start(3)]


def test_ends_when_all_trials_have_ended() -> None:
    """Four of four ended: completed, without a remark."""
    progress = _progress(COMPLETED, COMPLETED, FAILED, STOPPED)
    assert plan(_document(), progress, free_slots=8) == [Finish(SweepStatus.COMPLETED, None)]


def test_does_not_end_while_one_runs() -> None:
    """The last running trial keeps the sweep alive."""
    progress = _progress(COMPLETED, COMPLETED, COMPLETED, RUNNING)
    assert plan(_document(), progress, free_slots=8) == []


def test_an_exhausted_grid_ends_early() -> None:
    """No further point and nothing running: the end, however large max_total_trials is."""
    progress = _progress(COMPLETED, exhausted=True)
    assert plan(_document(total=100), progress, free_slots=8) == [
        Finish(SweepStatus.COMPLETED, None)
    ]


def test_completed_without_a_value_is_said() -> None:
    """The sweep's reason counts the trials that reported nothing finite."""
    progress = _progress(COMPLETED, COMPLETED, values=(None, 2.0))
    (finish,) = plan(_document(total=2), progress, free_slots=8)
    assert finish == Finish(SweepStatus.COMPLETED, "1 of 2 completed trials reported no finite m")


def test_nothing_useful_is_a_failure() -> None:
    """A sweep whose trials all failed or were canceled is failed and says so."""
    (finish,) = plan(_document(total=2), _progress(FAILED, CANCELED), free_slots=8)
    assert finish == Finish(SweepStatus.FAILED, "no trial completed; trial 0: exit code 1")


def test_an_early_terminated_trial_is_useful() -> None:
    """Early termination alone does not fail a sweep."""
    (finish,) = plan(_document(total=1), _progress(STOPPED), free_slots=8)
    assert isinstance(finish, Finish)
    assert finish.status is SweepStatus.COMPLETED


def test_the_first_failures_sink_a_sweep() -> None:
    """Three failures in a row from the start end it; a success among the first three does not."""
    document = _document(total=10, concurrent=2)
    (finish,) = plan(document, _progress(FAILED, FAILED, FAILED), free_slots=8)
    assert isinstance(finish, Finish)
    assert finish.status is SweepStatus.FAILED
    assert "first 3 trials" in (finish.reason or "")
    assert plan(document, _progress(FAILED, FAILED), free_slots=8) == [Start(2), Start(3)]
    late = _progress(COMPLETED, FAILED, FAILED, FAILED, FAILED)
    assert plan(document, late, free_slots=8) == [Start(5), Start(6)]


def test_the_first_failures_count_in_the_order_of_ending() -> None:
    """Not the trial's number but the order of its end decides which were first."""
    progress = replace(_progress(COMPLETED, FAILED, FAILED, FAILED), ended=[1, 2, 3, 0])
    (finish,) = plan(_document(total=10), progress, free_slots=8)
    assert isinstance(finish, Finish)


def test_wide_sweeps_wait_for_a_whole_first_batch() -> None:
    """With five at once, five failures are needed."""
    document = _document(total=10, concurrent=5)
    assert Start(4) in plan(document, _progress(FAILED, FAILED, FAILED, FAILED), free_slots=8)
    progress = _progress(FAILED, FAILED, FAILED, FAILED, FAILED)
    assert isinstance(plan(document, progress, free_slots=8)[0], Finish)


def test_max_failed_trials_replaces_the_rule_of_the_first() -> None:
    """With a limit of five, four failures from the start are tolerated, the fifth is not."""
    document = _document(total=10, max_failed_trials=5)
    assert plan(document, _progress(*[FAILED] * 4), free_slots=1) == [Start(4)]
    (finish,) = plan(document, _progress(*[FAILED] * 5), free_slots=1)
    assert isinstance(finish, Finish)
    assert "max_failed_trials" in (finish.reason or "")


def test_ending_stops_what_runs_first() -> None:
    """A cancelled sweep stops waiting and running trials, and ends once none is left."""
    progress = _progress(RUNNING, QUEUED, COMPLETED, cancel_reason="canceled on request")
    assert plan(_document(), progress, free_slots=8) == [
        Stop(1, CANCELED, "canceled on request"),
        Stop(0, CANCELED, "canceled on request"),
    ]
    ended = _progress(CANCELED, CANCELED, COMPLETED, cancel_reason="canceled on request")
    assert plan(_document(), ended, free_slots=8) == [
        Finish(SweepStatus.CANCELED, "canceled on request")
    ]


@pytest.mark.parametrize(("elapsed", "ends"), [(59.9, False), (60.0, True)])
def test_timeout_cancels_the_sweep(elapsed: float, ends: bool) -> None:  # noqa: FBT001 - a table's column
    """At `timeout` seconds of work the sweep is canceled with that reason."""
    actions = plan(_document(timeout=60), _progress(elapsed_seconds=elapsed), free_slots=1)
    expected = Finish(SweepStatus.CANCELED, "timeout: the sweep ran longer than 60 s")
    assert (actions == [expected]) is ends


@pytest.mark.parametrize(("seconds", "stops"), [(4.9, False), (5.0, True)])
def test_trial_timeout_fails_the_trial(seconds: float, stops: bool) -> None:  # noqa: FBT001 - a table's column
    """At `trial_timeout` seconds a trial is ended as failed."""
    progress = _progress(RUNNING, RUNNING, running_seconds={0: seconds, 1: 1.0})
    actions = plan(_document(trial_timeout=5), progress, free_slots=8)
    expected = Stop(0, FAILED, "trial_timeout: ran longer than 5 s")
    assert (expected in actions) is stops


@pytest.mark.parametrize(
    ("goal", "value", "reached"),
    [
        ("minimize", 2.0, True),
        ("minimize", 2.1, False),
        ("maximize", 2.0, True),
        ("maximize", 1.9, False),
    ],
)
def test_target_value_completes_the_sweep(goal: str, value: float, reached: bool) -> None:  # noqa: FBT001 - a table's column
    """A completed trial at or beyond the target ends the sweep as completed."""
    document = _document(target_value=2.0, goal=goal)
    progress = _progress(COMPLETED, values=(value,))
    finished = [a for a in plan(document, progress, free_slots=8) if isinstance(a, Finish)]
    assert bool(finished) is reached
    assert all(finish.status is SweepStatus.COMPLETED for finish in finished)


def test_only_a_completed_trial_reaches_the_target() -> None:
    """A running or failed trial beyond the target does not end the sweep."""
    progress = _progress(RUNNING, FAILED, values=(0.0, 0.0))
    assert plan(_document(target_value=2.0), progress, free_slots=8) == [Start(2)]


def test_what_ended_a_sweep_once_does_not_end_it_again() -> None:
    """After a resumption only trials that have ended since count: failures, and the target."""
    failing = _document(total=6, max_failed_trials=2)
    assert plan(failing, _progress(FAILED, FAILED, ended=[], resumed=True), free_slots=1) == [
        Start(2)
    ]
    again = _progress(FAILED, FAILED, FAILED, FAILED, ended=[2, 3], resumed=True)
    (end,) = plan(failing, again, free_slots=1)
    assert isinstance(end, Finish)
    assert end.status is SweepStatus.FAILED
    reached = _document(total=6, target_value=1.5)
    assert plan(reached, _progress(COMPLETED, ended=[], resumed=True), free_slots=1) == [Start(1)]


def test_the_reason_says_when_nothing_was_left_to_run() -> None:
    """With the limit that would have to be raised; the outcome is that of the trials."""
    (end,) = plan(_document(total=1), _progress(COMPLETED, ended=[], resumed=True), free_slots=1)
    assert isinstance(end, Finish)
    assert end.status is SweepStatus.COMPLETED
    assert end.reason is not None
    assert "raise limits.max_total_trials, which is 1" in end.reason


def test_a_sweep_that_goes_on_for_retried_trials_is_afterwards_what_it_was() -> None:
    """A canceled one is canceled again, once they have ended."""
    before = Finish(SweepStatus.CANCELED, "canceled on request")
    waiting = _progress(QUEUED, CANCELED, exhausted=True, resumed=True, afterwards=before)
    assert plan(_document(), waiting, free_slots=1) == [Start(0)]
    ended = _progress(COMPLETED, CANCELED, exhausted=True, resumed=True, afterwards=before)
    assert plan(_document(), ended, free_slots=1) == [before]


def test_the_reason_of_a_failed_sweep_names_what_most_failed_of() -> None:
    """And how many did."""
    (end,) = plan(_document(total=3), _progress(FAILED, FAILED, FAILED), free_slots=1)
    assert isinstance(end, Finish)
    assert end.reason is not None
    assert end.reason.endswith("; 3 of 3 failed alike, as trial 0: exit code 1")
