"""The types of events: everything that is told of a change."""

from typing import Literal, get_args

EventType = Literal[
    "sweep.status",
    "sweep.details",
    "sweep.best",
    "sweep.best_disagrees",
    "sweep.purged",
    "sync.error",
    "trial.status",
    "trial.metric",
    "trial.decision",
    "trial.details",
    "model.registered",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
