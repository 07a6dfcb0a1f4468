"""Previewing a sweep: what would run, without storing or running anything."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.backends.base import Backend
from app.code.snapshots import CodeStore
from app.search.allowed import Allowance
from app.search.estimate import Range, sweep_seconds, trial_seconds
from app.search.samplers import Sampler, sampler_of
from app.services.judge import Judged, judge
from app.store.database import Database
from app.sweep.data import DataInput
from app.sweep.document import BackendName, SweepDocument
from app.sweep.record import Submission
from app.sweep.state import Parameters
from app.sweep.trial_command import trial_command

AzureRequest = Callable[[Submission], Mapping[str, object]]
"""Makes the request that Azure ML would be sent; pure.

Raises ValueError, with the reason, for a document that it cannot be sent.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedTrial:
    """A trial as it will run; `command` is what a person would type."""

    number: int
    parameters: Parameters
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long trial and sweep may take, from so many earlier trials of the named sweeps."""

    sweeps: Sequence[str]
    trials: int
    trial_seconds: Range
    sweep_seconds: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is known of a sweep before it costs anything.

    Attributes:
        document: complete but for a name that its author left open.
        cardinality: how many different points can be drawn; None: without end, or not counted.
        allowance: how much of the space its constraints allow; None without constraints.
        trials: the first trials; fewer than asked for when there are no more, or when the others
            depend on results.
        foretold: how many trials can be told beforehand at most; None: all.
        estimate: of the duration; None when no earlier trial is known.
        azure_request: what Azure ML would be sent; None when it cannot be, as a warning tells.
    """

    document: SweepDocument
    cardinality: int | None
    allowance: Allowance | None
    trials: Sequence[PreviewedTrial]
    foretold: int | None
    estimate: Estimate | None
    warnings: Sequence[str]
    azure_request: Mapping[str, object] | None


def preview(
    db: Database,
    backends: Mapping[BackendName, Backend],
    code: CodeStore,
    body: Mapping[str, object],
    *,
    default_backend: BackendName,
    azure_request: AzureRequest,
    count: int,
) -> Preview:
    """Judge a document and tell what would happen.

    Args:
        db: the records.
        backends: those that are configured.
        code: knows the code roots and uploads.
        body: the decoded document.
        default_backend: who runs a document that names nobody.
        azure_request: makes the request that Azure ML would be sent.
        count: how many trials to show at most.

    Raises:
        InvalidDocumentError: one entry per fault.
    """
    judged = judge(db, backends, code, body, default_backend=default_backend)
    document = judged.complete
    sampler = sampler_of(document)
    request, unsent = _request(judged, azure_request)
    return Preview(
        document=document,
        cardinality=judged.points,
        allowance=judged.allowance,
        trials=_trials(judged, sampler, count),
        foretold=sampler.initial,
        estimate=_estimate(judged),
        warnings=[*judged.warnings, *unsent],
        azure_request=request,
    )


def _request(
    judged: Judged, azure_request: AzureRequest
) -> tuple[Mapping[str, object] | None, Sequence[str]]:
    """The request, or a warning that says why there is none."""
    submission = Submission(
        name=judged.complete.name or "{name}",
        document=judged.complete,
        document_hash=judged.document_hash,
    )
    try:
        return azure_request(submission), ()
    except ValueError as error:
        return None, [f"there is no backend_request: {error}"]


def _trials(judged: Judged, sampler: Sampler, count: int) -> list[PreviewedTrial]:
    document = judged.complete
    count = min(count, document.limits.max_total_trials)
    if sampler.initial is not None:
        count = min(count, sampler.initial)
    # What lies in the cloud has no path here: the placeholder stays.
    paths = {
        name: judged.inputs.get(name, f"${{{{inputs.{name}}}}}")
        for name, given in document.inputs.items()
        if isinstance(given, DataInput)
    }
    trials = []
    for number in range(count):
        parameters = sampler.draw(number, (), ())
        if parameters is None:
            break
        command = trial_command(document, parameters, inputs=paths, output=_output)
        trials.append(PreviewedTrial(number=number, parameters=parameters, command=command.line))
    return trials


def _output(name: str) -> str:
    """Below the trial's own folder, in which its command runs."""
    return f"outputs/{name}"


def _estimate(judged: Judged) -> Estimate | None:
    durations, limits = judged.earlier.durations, judged.complete.limits
    if not durations:
        return None
    trials = limits.max_total_trials
    if judged.complete.sampling_algorithm.type != "random" and judged.points is not None:
        trials = min(trials, judged.points)
    return Estimate(
        sweeps=judged.earlier.sweeps,
        trials=len(durations),
        trial_seconds=trial_seconds(durations),
        sweep_seconds=sweep_seconds(
            durations, trials=trials, concurrency=limits.max_concurrent_trials or 1
        ),
    )
