"""Rows of MLflow's tables, many runs at once: what its own calls write one run at a time.

The tables are those of MLflow 3.17. Its calls load a run and its tags for each write, which costs
several milliseconds of CPU; here a statement stands for any number of runs.
"""

from collections.abc import Sequence
from typing import Any

from app.engine.run_entities import NewRun

Untyped = Any
"""MLflow has no types."""
Row = dict[str, Any]

_LARGEST = 1.7976931348623157e308
"""What MLflow stores for infinity."""


class RunRows:
    """Writes rows within a session of MLflow's store."""

    def __init__(self) -> None:
        from mlflow.store.tracking.dbmodels import models  # noqa: PLC0415 - heavy
        from mlflow.utils import validation  # noqa: PLC0415 - likewise

        self._tables: Untyped = models
        self._validation: Untyped = validation

    def make(self, session: Untyped, runs: Sequence[NewRun]) -> None:
        """Make runs, which are open."""
        session.bulk_insert_mappings(self._tables.SqlRun, [run.row() for run in runs])
        tags = [tag for run in runs for tag in run.tag_rows()]
        session.bulk_insert_mappings(self._tables.SqlTag, tags)

    def log(self, session: Untyped, logged: Sequence[tuple[str, Sequence[Untyped]]]) -> None:
        """Add metrics to runs; no two of a run may share name, step and time.

        Args:
            session: of MLflow's store.
            logged: run ids, each with MLflow's metrics in the order in which they were logged.

        Raises:
            MlflowException: a metric is none, as MLflow says.
        """
        rows = [self._metric(run_id, metric) for run_id, metrics in logged for metric in metrics]
        session.bulk_insert_mappings(self._tables.SqlMetric, rows)
        newest: dict[tuple[str, str], Row] = {}
        for row in rows:
            place = row["run_uuid"], row["key"]
            if place not in newest or _order(row) > _order(newest[place]):
                newest[place] = row
        known = self._latest(session, {run_id for run_id, _ in newest})
        latest = self._tables.SqlLatestMetric
        new = [row for place, row in newest.items() if place not in known]
        newer = [r for place, r in newest.items() if place in known and _order(r) > known[place]]
        session.bulk_insert_mappings(latest, new)
        session.bulk_update_mappings(latest, newer)

    def end(self, session: Untyped, ends: Sequence[tuple[str, str, int]]) -> None:
        """Give runs, by their ids, status (MLflow's word) and end time (ms since 1970)."""
        rows = [dict(zip(("run_uuid", "status", "end_time"), end, strict=True)) for end in ends]
        session.bulk_update_mappings(self._tables.SqlRun, rows)

    def _latest(
        self, session: Untyped, run_ids: set[str]
    ) -> dict[tuple[str, str], tuple[int, int, float]]:
        """The order of each metric's latest value, by run and name."""
        table = self._tables.SqlLatestMetric
        columns = (table.run_uuid, table.key, table.step, table.timestamp, table.value)
        found = session.query(*columns).filter(table.run_uuid.in_(run_ids))
        return {(run_id, key): tuple(order) for run_id, key, *order in found}

    def _metric(self, run_id: str, metric: Untyped) -> Row:
        self._validation._validate_metric(  # noqa: SLF001 - what log_batch asks first
            metric.key, metric.value, metric.timestamp, metric.step
        )
        value = float(metric.value)
        is_nan = value != value  # noqa: PLR0124 - true of nothing else
        return {
            "run_uuid": run_id,
            "key": metric.key,
            "value": 0.0 if is_nan else min(max(value, -_LARGEST), _LARGEST),
            "timestamp": metric.timestamp,
            "step": metric.step,
            "is_nan": is_nan,
        }


def _order(row: Row) -> tuple[int, int, float]:
    """By which MLflow knows the latest value of a metric."""
    return row["step"], row["timestamp"], row["value"]
