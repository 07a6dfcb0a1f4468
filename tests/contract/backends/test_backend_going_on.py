"""Resuming and retrying: what the local engine does and Azure ML refuses."""

import time

import pytest

from app.backends.base import BackendError
from app.backends.local import LocalBackend
from app.sweep.document import Limits
from app.sweep.record import Resumption, Retrial, Submission
from app.sweep.state import SweepStatus, TrialStatus
from tests.contract.backends.conftest import Bench

X = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.4]}}
QUADRATIC = "python quadratic.py --x ${{search_space.x}} --steps 3"


def _resumption(nth: int, total: int) -> Resumption:
    limits = Limits(max_total_trials=total, max_concurrent_trials=2)
    return Resumption(nth=nth, limits=limits, time_renewed=False)


def _ended(bench: Bench, total: int = 2) -> Submission:
    limits = {"max_total_trials": total, "max_concurrent_trials": 2}
    submission, _ = bench.run(QUADRATIC, X, sampling_algorithm="grid", limits=limits)
    return submission


def _local(bench: Bench) -> LocalBackend:
    if not isinstance(bench.backend, LocalBackend):
        pytest.skip("Azure ML does not run what has ended again")
    return bench.backend


def test_what_cannot_go_on_says_why_and_does_not(bench: Bench) -> None:
    """Azure ML never; the call itself is refused for good, not for now."""
    submission = _ended(bench)
    name = submission.name
    if isinstance(bench.backend, LocalBackend):
        assert bench.backend.cannot_go_on(name, None) is None
        assert bench.backend.cannot_go_on(name, _resumption(1, 4)) is None
        return
    assert "new sweep" in (bench.backend.cannot_go_on(name, _resumption(1, 4)) or "")
    assert bench.backend.cannot_go_on(name, None)
    with pytest.raises(BackendError) as refused:
        bench.backend.resume(name, _resumption(1, 4))
    assert not refused.value.retryable
    with pytest.raises(BackendError) as refused:
        bench.backend.retry_trial(name, Retrial(number=0, attempt=2))
    assert not refused.value.retryable


def test_a_resumption_is_seen_by_the_next_look_and_done_once(bench: Bench) -> None:
    """Asked for again, while it runs and after its end, it changes nothing."""
    backend = _local(bench)
    submission = _ended(bench)
    before = bench.finished(submission)
    cursor = before.snapshot.cursor
    for _ in range(2):
        backend.resume(submission.name, _resumption(1, 4))
        assert not backend.observe(submission.name, cursor).status.finished
    after = bench.finished(submission)
    assert sorted(after.trials) == [0, 1, 2, 3]
    assert {trial.attempt for trial in after.trials.values()} == {1}
    assert {n: after.trials[n] for n in before.trials} == before.trials
    cursor = after.snapshot.cursor
    backend.resume(submission.name, _resumption(1, 4))
    time.sleep(0.5)
    again = backend.observe(submission.name, cursor)
    assert (again.status, list(again.trials)) == (SweepStatus.COMPLETED, [])


def test_a_retrial_is_seen_by_the_next_look_and_done_once(bench: Bench) -> None:
    """The finished sweep goes on for that trial and for no other."""
    backend = _local(bench)
    submission = _ended(bench)
    cursor = bench.finished(submission).snapshot.cursor
    retrial = Retrial(number=1, attempt=2)
    for _ in range(2):
        backend.retry_trial(submission.name, retrial)
    snapshot = backend.observe(submission.name, cursor)
    assert (snapshot.status.finished, snapshot.trials[0].attempt) == (False, 2)
    after = bench.finished(submission)
    assert after.snapshot.status is SweepStatus.COMPLETED
    assert [after.trials[n].attempt for n in sorted(after.trials)] == [1, 2]
    assert after.trials[1].parameters == {"x": 0.2}
    assert after.trials[1].objective_value == pytest.approx(0.01 + 1 / 3)
    cursor = after.snapshot.cursor
    backend.retry_trial(submission.name, retrial)
    assert list(backend.observe(submission.name, cursor).trials) == []
    with pytest.raises(BackendError):
        backend.retry_trial(submission.name, Retrial(number=5, attempt=2))


def test_a_time_out_that_has_run_out_needs_a_new_one(bench: Bench) -> None:
    """It counts from the resumption; a single trial may be retried without."""
    backend = _local(bench)
    submission = bench.submission(
        "python slow.py ${{search_space.x}} 200 0.05",
        X,
        limits={"max_total_trials": 1, "timeout": 1},
    )
    bench.submit(submission)
    assert bench.finished(submission).snapshot.status is SweepStatus.CANCELED
    limits = submission.document.limits
    same = Resumption(nth=1, limits=limits, time_renewed=False)
    assert "has run out" in (backend.cannot_go_on(submission.name, same) or "")
    assert backend.cannot_go_on(submission.name, None) is None
    renewed = Resumption(nth=1, limits=limits.model_copy(update={"timeout": 60}), time_renewed=True)
    assert backend.cannot_go_on(submission.name, renewed) is None
    backend.resume(submission.name, renewed)
    seen = bench.finished(submission)
    assert seen.snapshot.status is SweepStatus.COMPLETED
    (trial,) = seen.trials.values()
    assert (trial.status, trial.attempt) == (TrialStatus.COMPLETED, 2)
