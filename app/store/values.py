"""Rows become the values of app.sweep, and values become rows.

JSON has no numbers for NaN and the infinities: they stand there as the texts "NaN", "Infinity"
and "-Infinity". In a column of floats NaN is null, since SQLite knows none.
"""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row

from app.sweep.failure import FailureGroup
from app.sweep.record import BestTrial, SweepRecord, Wish
from app.sweep.state import (
    Decision,
    Metric,
    ObjectiveStatus,
    SweepStatus,
    Trial,
    TrialStatus,
)

AnyRow = Row[*tuple[Any, ...]]
Values = dict[str, object]

_WISH: TypeAdapter[Wish] = TypeAdapter(Wish)
_TRIAL_FIELDS = tuple(field.name for field in fields(Trial))


def sweep_of(row: AnyRow) -> SweepRecord:
    """A row of sweeps as it is shown."""
    return SweepRecord(
        name=row.name,
        document=row.document,
        document_hash=row.document_hash,
        backend=row.backend,
        code=row.code,
        inputs=row.inputs,
        status=SweepStatus(row.status),
        status_reason=row.status_reason,
        provider_status=row.provider_status,
        provider_url=row.provider_url,
        trial_counts={TrialStatus(status): n for status, n in row.trial_counts.items()},
        best_trial=None if row.best_trial is None else BestTrial(**row.best_trial),
        failures=[FailureGroup(**group) for group in row.failed_alike or ()],
        resumes=row.resumes,
        warnings=row.warnings,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        last_synced_at=row.last_synced_at,
        sync_error=row.sync_error,
        archived=row.archived,
        request_id=row.request_id,
        project=row.project,
        created_by=row.created_by,
        artifacts_removed_at=row.artifacts_removed_at,
        logs_removed_at=row.logs_removed_at,
        metrics_thinned_at=row.metrics_thinned_at,
        events_removed_at=row.events_removed_at,
    )


def wishes_of(row: AnyRow) -> list[Wish]:
    """What somebody asked for and the backend has yet to be told, oldest first."""
    return [_WISH.validate_python(wish) for wish in row.wishes or ()]


def wish_values(wish: Wish) -> Values:
    """A wish as JSON holds it."""
    values: Values = _WISH.dump_python(wish, mode="json", exclude_none=True)
    return values


def trial_of(row: AnyRow) -> Trial:
    """A row of trials."""
    objective_status = ObjectiveStatus(row.objective_status)
    last_value = row.last_value
    if last_value is None and objective_status in _WITH_VALUE:
        last_value = math.nan
    return Trial(
        number=row.number,
        status=TrialStatus(row.status),
        status_reason=row.status_reason,
        objective_status=objective_status,
        objective_value=row.objective_value,
        last_value=last_value,
        parameters=row.parameters,
        metrics=numbers(row.metrics),
        attempt=row.attempt,
        inferred=row.inferred,
        provider_run_id=row.provider_run_id,
        provider_status=row.provider_status,
        exit_code=row.exit_code,
        fingerprint=row.fingerprint,
        queued_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration_seconds=row.duration_seconds,
    )


_WITH_VALUE = (ObjectiveStatus.REPORTED, ObjectiveStatus.NOT_FINITE)


def trial_values(trial: Trial) -> Values:
    """The columns of a trial but for its sweep's."""
    values: Values = {name: getattr(trial, name) for name in _TRIAL_FIELDS}
    values["metrics"] = figures(trial.metrics)
    values["parameters"] = dict(trial.parameters)
    values["last_value"] = _column(trial.last_value)
    return values


def metric_of(row: AnyRow) -> Metric:
    """A row of metrics."""
    return Metric(
        trial=row.trial,
        attempt=row.attempt,
        name=row.name,
        interval=row.interval,
        step=row.step,
        value=math.nan if row.value is None else row.value,
        recorded_at=row.recorded_at,
    )


def metric_values(sweep_id: int, metric: Metric) -> Values:
    """The columns of a report."""
    return {
        "sweep_id": sweep_id,
        "trial": metric.trial,
        "attempt": metric.attempt,
        "name": metric.name,
        "interval": metric.interval,
        "step": metric.step,
        "value": _column(metric.value),
        "recorded_at": metric.recorded_at,
    }


def decision_of(row: AnyRow) -> Decision:
    """A row of the early-termination ledger."""
    threshold = row.figures["threshold"]
    compared = numbers(row.figures["compared"])
    return Decision(
        trial=row.trial,
        attempt=row.attempt,
        interval=row.interval,
        policy=row.policy,
        value=float(row.figures["value"]),
        threshold=None if threshold is None else float(threshold),
        compared={int(number): value for number, value in compared.items()},
        verdict=row.verdict,
        reason=row.reason,
        too_late=row.too_late,
        recorded_at=row.recorded_at,
    )


def decision_values(sweep_id: int, decision: Decision) -> Values:
    """The columns of an entry of the ledger."""
    compared = {str(number): value for number, value in decision.compared.items()}
    return {
        "sweep_id": sweep_id,
        "trial": decision.trial,
        "attempt": decision.attempt,
        "interval": decision.interval,
        "policy": decision.policy,
        "figures": {
            "value": figure(decision.value),
            "threshold": None if decision.threshold is None else figure(decision.threshold),
            "compared": figures(compared),
        },
        "verdict": decision.verdict,
        "reason": decision.reason,
        "too_late": decision.too_late,
        "recorded_at": decision.recorded_at,
    }


def figure(value: float) -> float | str:
    """A number as JSON holds it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def figures(values: Mapping[str, float]) -> dict[str, float | str]:
    """Named numbers as JSON holds them."""
    return {name: figure(value) for name, value in values.items()}


def numbers(stored: Mapping[str, float | str]) -> dict[str, float]:
    """Named numbers read back."""
    return {name: float(value) for name, value in stored.items()}


def _column(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
