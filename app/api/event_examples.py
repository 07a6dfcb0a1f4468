"""An event of each type, as the API's description shows them."""

from typing import Any

from app.sweep.event_types import EventType

_BEST = {
    "number": 3,
    "objective_value": 8.2,
    "parameters": {"base_estimator": "KNeighborsRegressor", "n_estimators": 15},
}
_DATA: dict[EventType, dict[str, Any]] = {
    "sweep.status": {"status": "running", "status_reason": None},
    "trial.status": {
        "number": 3,
        "status": "running",
        "status_reason": None,
        "attempt": 1,
        "objective_value": None,
    },
    "trial.metric": {
        "number": 3,
        "attempt": 1,
        "reports": [
            {
                "name": "sqrt_mse",
                "interval": 1,
                "step": 0,
                "value": 8.2,
                "recorded_at": "2026-03-01T12:00:01.250000+00:00",
            }
        ],
    },
    "trial.decision": {
        "number": 3,
        "attempt": 1,
        "decisions": [
            {
                "interval": 1,
                "policy": "bandit",
                "value": 8.2,
                "threshold": 9.02,
                "verdict": "continue",
                "reason": "interval 1: 8.2 is within 10 % of the best, 8.2",
                "too_late": False,
            }
        ],
    },
    "trial.details": {"number": 3},
    "sweep.best": {"best_trial": _BEST},
    "sweep.best_disagrees": {"provider_best": 2, "best_trial": _BEST},
    "sweep.details": {"provider_status": "Running", "provider_url": None},
    "sync.error": {"error": "the workspace does not answer"},
    "model.registered": {"model_name": "final_model", "version": 1, "trial": 3, "value": 8.2},
    "sweep.purged": {},
}
EVENTS: list[dict[str, Any]] = [
    {
        "id": number,
        "type": kind,
        "sweep": "concrete-1",
        "data": data,
        "at": "2026-03-01T12:00:01.370000Z",
    }
    for number, (kind, data) in enumerate(_DATA.items(), start=1207)
]
"""As they are answered."""
