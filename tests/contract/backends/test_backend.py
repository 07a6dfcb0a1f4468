"""What every backend does: each test runs on the local engine and on Azure ML."""

import hashlib

import pytest

from app.backends.base import (
    ArtifactNotFoundError,
    BackendError,
    Leavings,
    Registration,
    UnknownSweepError,
)
from app.sweep.record import Submission
from app.sweep.state import ObjectiveStatus, SweepStatus, TrialStatus
from tests.contract.backends.conftest import Bench

X = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.4]}}
QUADRATIC = "python quadratic.py --x ${{search_space.x}} --steps 3"


def test_a_sweep_is_observed_to_its_end(bench: Bench) -> None:
    """Numbers, parameters, times, and every report once, in order."""
    submission, seen = bench.run(QUADRATIC, X, sampling_algorithm="grid")
    assert seen.snapshot.status is SweepStatus.COMPLETED
    assert sorted(seen.trials) == [0, 1, 2, 3]
    for number, trial in seen.trials.items():
        x = trial.parameters["x"]
        assert x == [0.1, 0.2, 0.3, 0.4][number]
        assert trial.status is TrialStatus.COMPLETED
        assert isinstance(x, float)
        expected = [(x - 0.3) ** 2 + 1 / (step + 1) for step in range(3)]
        assert seen.reports(number) == pytest.approx(expected)
        assert trial.objective_value == pytest.approx(min(expected))
        assert trial.started_at is not None
        assert trial.finished_at is not None
        assert trial.started_at <= trial.finished_at
    again = bench.backend.observe(submission.name, seen.snapshot.cursor)
    assert (list(again.trials), list(again.metrics)) == ([], [])


def test_submitting_twice_makes_one_sweep(bench: Bench) -> None:
    """The name decides, even after the end."""
    submission = bench.submission(QUADRATIC, X, sampling_algorithm="grid")
    bench.submit(submission)
    bench.submit(submission)
    assert len(bench.finished(submission).trials) == 4
    bench.submit(submission)
    assert len(bench.finished(submission).trials) == 4


def test_a_failing_trial_is_failed_and_the_others_complete(bench: Bench) -> None:
    """One bad trial does not sink the sweep."""
    space = {"script": {"type": "choice", "values": ["quadratic.py", "fails.py"]}}
    _, seen = bench.run("python ${{search_space.script}} --x 0.5", space, sampling_algorithm="grid")
    assert seen.snapshot.status is SweepStatus.COMPLETED
    assert seen.trials[0].status is TrialStatus.COMPLETED
    assert seen.trials[1].status is TrialStatus.FAILED
    assert seen.trials[1].status_reason
    assert seen.trials[1].objective_status is ObjectiveStatus.MISSING


def test_a_sweep_whose_trials_all_fail_is_failed(bench: Bench) -> None:
    """With a reason."""
    _, seen = bench.run("python fails.py ${{search_space.x}}", X, sampling_algorithm="grid")
    assert seen.snapshot.status is SweepStatus.FAILED
    assert seen.snapshot.status_reason


def test_early_termination_is_told(bench: Bench) -> None:
    """A clearly worse trial is stopped; Azure's are inferred and say so."""
    space = {"level": {"type": "choice", "values": [1, 9]}}
    _, seen = bench.run(
        f"python slow.py ${{{{search_space.level}}}} 40 {0.05 * bench.pace}",
        space,
        sampling_algorithm="grid",
        limits={"max_total_trials": 2, "max_concurrent_trials": 1},
        early_termination={"type": "bandit", "slack_factor": 0.1},
    )
    assert seen.snapshot.status is SweepStatus.COMPLETED
    assert seen.trials[0].status is TrialStatus.COMPLETED
    assert seen.trials[1].status is TrialStatus.EARLY_TERMINATED
    assert seen.trials[1].inferred is (bench.backend.name == "azureml")
    assert 0 < len(seen.reports(1)) < 40


def _running(bench: Bench) -> Submission:
    space = {"level": {"type": "choice", "values": [1, 2]}}
    limits = {"max_total_trials": 2, "max_concurrent_trials": 2}
    submission = bench.submission(
        f"python slow.py ${{{{search_space.level}}}} 2000 {0.05 * bench.pace}",
        space,
        limits=limits,
        sampling_algorithm="grid",
        early_termination={"type": "median_stopping", "delay_evaluation": 5000},
    )
    bench.submit(submission)
    bench.until(submission, lambda seen: {m.trial for m in seen.metrics} == {0, 1})
    return submission


def test_a_canceled_sweep_ends_with_its_results(bench: Bench) -> None:
    """Its trials are canceled, not early-terminated; canceling again is harmless."""
    submission = _running(bench)
    bench.backend.cancel(submission.name)
    seen = bench.finished(submission)
    assert seen.snapshot.status is SweepStatus.CANCELED
    assert len(seen.with_status(TrialStatus.CANCELED)) == 2
    assert seen.reports(0)
    bench.backend.cancel(submission.name)


def test_one_trial_is_canceled(bench: Bench) -> None:
    """By us: that is no early termination, though a policy is set."""
    submission = _running(bench)
    bench.backend.cancel_trial(submission.name, 0)
    seen = bench.until(submission, lambda seen: seen.with_status(TrialStatus.CANCELED))
    assert [trial.number for trial in seen.with_status(TrialStatus.CANCELED)] == [0]
    assert not seen.trials[0].inferred
    bench.backend.cancel(submission.name)
    bench.finished(submission)


def test_a_sweep_that_takes_too_long_is_canceled(bench: Bench) -> None:
    """After a minute on Azure, the shortest that its SDK sends; the emulator's minute is short."""
    limits = {"max_total_trials": 1, "timeout": bench.timeout}
    space = {"level": {"type": "choice", "values": [1]}}
    submission = bench.submission(
        "python slow.py ${{search_space.level}} 5000 0.1", space, limits=limits
    )
    bench.submit(submission)
    seen = bench.finished(submission, within=120)
    assert seen.snapshot.status is SweepStatus.CANCELED
    assert seen.reports(0)


def test_a_model_is_registered_once(bench: Bench) -> None:
    """The same lineage gets the same version again; the file is the trial's."""
    submission, _ = bench.run(QUADRATIC, X, sampling_algorithm="grid")
    wanted = Registration(
        model_name=f"m-{submission.name}",
        sweep=submission.name,
        trial=2,
        provider_run_id=None,
        artifact_path="outputs/model.pkl",
        type="custom_model",
        description="the best",
        tags={"team": "a"},
        lineage={"sweepfront.sweep": submission.name, "sweepfront.trial": "2"},
    )
    first = bench.backend.register(wanted)
    again = bench.backend.register(wanted)
    assert (first.version, first.uri) == (again.version, again.uri)
    file = bench.backend.model_file(first.uri)
    assert file.read_text() == "0.3"
    assert first.sha256 == hashlib.sha256(b"0.3").hexdigest()


def test_logs_and_artifacts_are_read(bench: Bench) -> None:
    """Whole, from the end, and nothing from elsewhere."""
    command = "echo one; echo two; mkdir -p outputs/deep; echo kept > outputs/deep/a.txt"
    submission, _ = bench.run(command, X, limits={"max_total_trials": 1})
    name = submission.name
    assert b"".join(bench.backend.log(name, 0, "stdout")) == b"one\ntwo\n"
    assert b"".join(bench.backend.log(name, 0, "stdout", tail=1)) == b"two\n"
    assert b"".join(bench.backend.log(name, 0, "stdout", tail=9, within=6)) == b"e\ntwo\n"
    assert b"".join(bench.backend.log(name, 0, "stdout", tail=1, within=6)) == b"two\n"
    assert b"".join(bench.backend.log(name, 0, "stdout", tail=9, within=99)) == b"one\ntwo\n"
    assert b"".join(bench.backend.log(name, 0, "stdout", offset=4)) == b"two\n"
    assert [a.path for a in bench.backend.artifacts(name, 0)] == ["outputs/deep/a.txt"]
    assert bench.backend.artifact_file(name, 0, "outputs/deep/a.txt").read_text() == "kept\n"
    for path in ("outputs/none", "../stdout.log", "/etc/passwd", "outputs"):
        with pytest.raises(ArtifactNotFoundError):
            bench.backend.artifact_file(name, 0, path)


def test_what_trials_left_on_this_machine_is_pruned(bench: Bench) -> None:
    """Counted first; once; what lies elsewhere can be had still."""
    command = "mkdir -p outputs; echo kept > outputs/a.txt; echo said"
    submission, _ = bench.run(command, X, limits={"max_total_trials": 1})
    name, backend = submission.name, bench.backend
    assert backend.artifact_file(name, 0, "outputs/a.txt").read_text() == "kept\n"
    counted = backend.prune(name, artifacts=True, logs=True, dry_run=True)
    assert counted.files >= 1
    assert counted.bytes >= len("kept\n")
    assert backend.prune(name, artifacts=True, logs=True) == counted
    assert backend.prune(name, artifacts=True, logs=True) == Leavings(files=0, bytes=0)
    if backend.name == "local":
        with pytest.raises(ArtifactNotFoundError):
            backend.artifact_file(name, 0, "outputs/a.txt")
        assert b"".join(backend.log(name, 0, "stdout")) == b""
        live = bench.submission("sleep 60", X, limits={"max_total_trials": 1})
        bench.submit(live)
        bench.until(live, lambda seen: seen.snapshot.status is SweepStatus.RUNNING)
        with pytest.raises(UnknownSweepError, match="live"):
            backend.prune(live.name, artifacts=True, logs=True)
        backend.cancel(live.name)
        bench.finished(live)
    else:
        assert backend.artifact_file(name, 0, "outputs/a.txt").read_text() == "kept\n"
        assert b"".join(backend.log(name, 0, "stdout")) == b"said\n"
    assert backend.prune("none", artifacts=True, logs=True) == Leavings(files=0, bytes=0)


def test_a_sweep_that_is_not_there_is_said_to_be_unknown(bench: Bench) -> None:
    """Never an empty sweep."""
    with pytest.raises(UnknownSweepError):
        bench.backend.observe("nothing-of-that-name", None)
    with pytest.raises(BackendError):
        bench.backend.cancel("nothing-of-that-name")


def test_a_sweep_that_was_there_and_is_lost_is_said_to_be_unknown(bench: Bench) -> None:
    """Whatever the cursor says of it, and to everybody who asks."""
    if bench.lose is None:
        pytest.skip("nobody can have this workspace lose a job")
    submission, seen = bench.run(QUADRATIC, X, sampling_algorithm="grid")
    bench.lose(submission.name)
    for cursor in (seen.snapshot.cursor, None):
        with pytest.raises(UnknownSweepError):
            bench.backend.observe(submission.name, cursor)
    with pytest.raises(UnknownSweepError):
        bench.backend.cancel(submission.name)


def test_it_says_what_it_can(bench: Bench) -> None:
    """Capabilities and health."""
    assert bench.backend.capabilities().name == bench.backend.name
    assert "random" in bench.backend.capabilities().sampling_algorithms
    assert bench.backend.health().ok
