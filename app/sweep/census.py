"""How much there is to do at a moment: figures for whoever watches the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendCensus:
    """The live sweeps of a backend.

    Attributes:
        sweeps: how many are in each state.
        trials: how many of their trials are in each state.
        due: how many wait for a look that is due and that nobody makes yet.
        lag_seconds: how overdue the look is that has waited longest; 0 when none waits.
        queue_seconds: for how long the oldest sweep has waited whose first trial has not begun.
    """

    backend: str
    sweeps: Mapping[str, int]
    trials: Mapping[str, int]
    due: int
    lag_seconds: float
    queue_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCensus:
    """The deliveries to active webhooks that are still to be made.

    Attributes:
        waiting: how many.
        oldest_seconds: how long the one has waited that has waited longest; 0 when none does.
    """

    waiting: int = 0
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """All of it."""

    backends: Sequence[BackendCensus] = ()
    webhooks: WebhookCensus = field(default_factory=WebhookCensus)
