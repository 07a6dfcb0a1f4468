"""What a sweep should do next: start trials, stop trials, or end. Pure: time is an argument.

A plan costs as much in a sweep of a thousand trials as in one of ten, as long as no limit asks for
more: it looks at those that wait and run, not at all.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.sweep.document import SweepDocument
from app.sweep.failure import grouped, in_words
from app.sweep.state import SweepStatus, Trial, TrialStatus, better

FIRST_FAILURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a plan needs to know of a sweep.

    Attributes:
        trials: every trial so far, by number, with the objective values reported so far.
        waiting: numbers of those that wait for a slot.
        ended: numbers of the trials that ended, in the order in which they did; after a finished
            sweep went on, those since then, so that what ended it once does not end it again.
        running_seconds: for each running trial, how long its attempt has run; those about to start
            count as running.
        elapsed_seconds: how long the sweep has been worked on, as `limits.timeout` counts.
        exhausted: the sampler has no further point, or none is wanted.
        cancel_reason: why somebody asked for the end; None when nobody did.
        resumed: the sweep had finished once and goes on.
        afterwards: what it is again when nothing is left to do; None: what its trials make of it.
    """

    trials: Mapping[int, Trial]
    waiting: Collection[int] = ()
    ended: Sequence[int] = ()
    running_seconds: Mapping[int, float]
    elapsed_seconds: float = 0.0
    exhausted: bool = False
    cancel_reason: str | None = None
    resumed: bool = False
    afterwards: "Finish | None" = None


@dataclass(frozen=True, slots=True)
class Start:
    """Run trial `number`: a waiting one, or the next new one."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End trial `number` now with this outcome; a waiting trial simply gets it."""

    number: int
    outcome: TrialStatus
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is left to do; the sweep has this outcome."""

    status: SweepStatus
    reason: str | None


Action = Start | Stop | Finish


def plan(document: SweepDocument, progress: Progress, *, free_slots: int) -> list[Action]:
    """The next actions, in order.

    Args:
        document: complete, so that `limits.max_concurrent_trials` is set.
        progress: the sweep so far.
        free_slots: how many more trials the machine takes now.
    """
    waiting, running = sorted(progress.waiting), sorted(progress.running_seconds)
    if ending := _ending(document, progress):
        reason = ending.reason or ""
        stops = [Stop(number, TrialStatus.CANCELED, reason) for number in (*waiting, *running)]
        return [*stops] if running else [*stops, ending]
    actions: list[Action] = list(_overdue(document, progress))
    room = min(free_slots, (document.limits.max_concurrent_trials or 1) - len(running))
    new = _new_numbers(document, progress)
    numbers = itertools.islice(itertools.chain(waiting, new), max(room, 0))
    actions += [Start(number) for number in numbers]
    if not waiting and not new and not running:
        actions.append(_natural_end(document, progress))
    return actions


def _new_numbers(document: SweepDocument, progress: Progress) -> range:
    first = len(progress.trials)
    return range(first, first if progress.exhausted else document.limits.max_total_trials)


def _ending(document: SweepDocument, progress: Progress) -> Finish | None:
    """Why the sweep must end before its trials do, if it must."""
    if progress.cancel_reason is not None:
        return Finish(SweepStatus.CANCELED, progress.cancel_reason)
    if reason := _too_many_failures(document, progress):
        return Finish(SweepStatus.FAILED, reason)
    timeout = document.limits.timeout
    if timeout is not None and progress.elapsed_seconds >= timeout:
        return Finish(SweepStatus.CANCELED, f"timeout: the sweep ran longer than {timeout} s")
    if reason := _target_reached(document, progress):
        return Finish(SweepStatus.COMPLETED, reason)
    return None


def _too_many_failures(document: SweepDocument, progress: Progress) -> str | None:
    extra = document.extra_limits
    allowed = extra.max_failed_trials if extra else None
    if allowed is not None:
        failed = sum(_has_failed(progress, number) for number in progress.ended)
        if failed < allowed:
            return None
        return f"max_failed_trials: {failed} trials failed{_failures(progress)}"
    first = max(FIRST_FAILURES, document.limits.max_concurrent_trials or 1)
    ended = progress.ended[:first]
    if len(ended) < first or not all(_has_failed(progress, number) for number in ended):
        return None
    return f"the first {first} trials to end all failed{_failures(progress)}"


def _has_failed(progress: Progress, number: int) -> bool:
    return progress.trials[number].status is TrialStatus.FAILED


def _failures(progress: Progress) -> str:
    """What most of the failed trials failed of."""
    failed = [t for _, t in sorted(progress.trials.items()) if t.status is TrialStatus.FAILED]
    groups = grouped((t.number, t.fingerprint, t.status_reason) for t in failed)
    return f"; {in_words(groups, len(failed))}" if failed else ""


def _target_reached(document: SweepDocument, progress: Progress) -> str | None:
    target = document.extra_limits.target_value if document.extra_limits else None
    if target is None:
        return None
    goal = document.objective.goal
    for trial in (progress.trials[number] for number in progress.ended):
        value = trial.objective_value
        if trial.status is not TrialStatus.COMPLETED or value is None:
            continue
        if not better(target, value, goal):
            return f"target_value: trial {trial.number} reached {value:g}"
    return None


def _overdue(document: SweepDocument, progress: Progress) -> Iterator[Stop]:
    limit = document.limits.trial_timeout
    if limit is None:
        return
    for number, seconds in sorted(progress.running_seconds.items()):
        if seconds >= limit:
            reason = f"trial_timeout: ran longer than {limit} s"
            yield Stop(number, TrialStatus.FAILED, reason)


def _natural_end(document: SweepDocument, progress: Progress) -> Finish:
    if progress.afterwards is not None:
        return progress.afterwards
    found = _found(document, progress)
    if progress.resumed and not progress.ended:
        limit = document.limits.max_total_trials
        reason = f"nothing was left to run; raise limits.max_total_trials, which is {limit}"
        return Finish(found.status, reason)
    return found


def _found(document: SweepDocument, progress: Progress) -> Finish:
    useful = (TrialStatus.COMPLETED, TrialStatus.EARLY_TERMINATED)
    trials = progress.trials.values()
    if not any(trial.status in useful for trial in trials):
        return Finish(SweepStatus.FAILED, f"no trial completed{_failures(progress)}")
    metric = document.objective.primary_metric
    completed = [trial for trial in trials if trial.status is TrialStatus.COMPLETED]
    silent = sum(trial.objective_value is None for trial in completed)
    if silent:
        reason = f"{silent} of {len(completed)} completed trials reported no finite {metric}"
        return Finish(SweepStatus.COMPLETED, reason)
    return Finish(SweepStatus.COMPLETED, None)
