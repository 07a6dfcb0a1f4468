"""What a service answers about what has not happened: previews and replays."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedTrial:
    """A trial as it will run; `command` is what a person would type in the trial's folder."""

    number: int
    parameters: dict[str, Any]
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """How much of the search space its constraints allow.

    Attributes:
        fraction: of the points, 0 to 1.
        error: half of a 95 % interval; 0 when counted.
        points: allowed points; None when not counted.
    """

    fraction: float
    error: float
    points: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Seconds: tenth percentile, median, ninetieth percentile."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long it may take, from so many earlier trials of those sweeps."""

    sweeps: tuple[str, ...]
    trials: int
    trial_seconds: Range
    sweep_seconds: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is known of a sweep before it runs.

    Attributes:
        cardinality: different points that can be drawn; None: without end, or not counted.
        trials_foretold: later trials than so many depend on results; None: none does.
        estimate: None without earlier trials.
        normalized: the document with everything filled in, a drawn seed included.
        backend_request: what Azure ML would be sent; None when it cannot be sent.
    """

    cardinality: int | None
    allowed: Allowed | None = None
    trials: tuple[PreviewedTrial, ...]
    trials_foretold: int | None = None
    estimate: Estimate | None = None
    warnings: tuple[str, ...]
    normalized: dict[str, Any]
    backend_request: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedStop:
    """A trial that the policy would have stopped at that report, and how it really ended."""

    trial: int
    interval: int
    value: float
    threshold: float | None
    reason: str
    saved_seconds: float
    status: str
    objective_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedTrial:
    """A trial with what it reached."""

    number: int
    objective_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What another early-termination policy would have done to a sweep's reports.

    Attributes:
        policy: with its defaults.
        stops: in the order in which they would have come.
        evaluations: how often a trial would have been judged.
        winner: the sweep's best trial.
        best_left: the best of those that would have gone on.
    """

    policy: dict[str, Any]
    stops: tuple[ReplayedStop, ...]
    saved_seconds: float
    total_seconds: float
    evaluations: int
    winner: ReplayedTrial | None
    winner_stopped: bool
    best_left: ReplayedTrial | None
