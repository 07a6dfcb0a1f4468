"""Writes batches to MLflow's tracking store; each write is answered, also when its batch fails."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from app.engine.run_writes import MAX_METRICS, RunBatch, Write, calls

Untyped = Any
"""MLflow has no types."""

log = logging.getLogger(__name__)


class RunStore:
    """The runs of one store, which nobody else writes."""

    def __init__(self, store: Untyped) -> None:
        """Write to this SqlAlchemyStore."""
        self._store = store
        self._last_time: dict[str, dict[str, int]] = {}

    def write(self, batch: Mapping[str, RunBatch]) -> None:
        """Write to several runs: new ones first, in one transaction, with the end they have had."""
        new = [each.run for each in batch.values() if each.run is not None]
        _answer(new, lambda writes: self._make(writes, batch))
        for run_id, each in batch.items():
            self._put_later(run_id, each)
            for together in calls(each.logs):
                _answer(together, partial(self._log, run_id))
            _answer(each.ends, partial(self._end, run_id, each))
            if each.end[1] is not None:
                self._last_time.pop(run_id, None)

    def _make(self, writes: Sequence[Write], batch: Mapping[str, RunBatch]) -> None:
        """Make runs under ids of our own, for which MLflow has no call: through its tables.

        A test holds what is made here against what `create_run` makes.
        """
        with self._store.ManagedSessionMaker(read_only=False) as session:
            for write in writes:
                if write.run is not None:
                    status, end_time = batch[write.run_id].end
                    session.add(write.run.row(status or "RUNNING", end_time))

    def _put_later(self, run_id: str, batch: RunBatch) -> None:
        """Give each metric a time after the one before: MLflow drops what shares time and step."""
        last = self._last_time.setdefault(run_id, {})
        for write in batch.logs:
            for metric in write.log[0] if write.log else ():
                time = max(metric.timestamp, last.get(metric.key, 0) + 1)
                metric._timestamp = last[metric.key] = time  # noqa: SLF001 - it has no setter

    def _log(self, run_id: str, writes: Sequence[Write]) -> None:
        parts = [write.log for write in writes if write.log is not None]
        metrics = [metric for part in parts for metric in part[0]]
        params = [param for part in parts for param in part[1]]
        tags = [tag for part in parts for tag in part[2]]
        if len(metrics) + len(params) + len(tags) <= MAX_METRICS:
            self._store.log_batch(run_id, metrics, params, tags)
            return
        self._store.log_batch(run_id, [], params, tags)
        for start in range(0, len(metrics), MAX_METRICS):
            self._store.log_batch(run_id, metrics[start : start + MAX_METRICS], [], [])

    def _end(self, run_id: str, batch: RunBatch, _writes: Sequence[Write]) -> None:
        if batch.run is not None:
            return
        from mlflow.entities import RunStatus  # noqa: PLC0415 - heavy

        status, end_time = batch.end
        word = RunStatus.from_string(status) if status is not None else None
        self._store.update_run_info(run_id, word, end_time, None)


def _answer(writes: Sequence[Write], do: Callable[[Sequence[Write]], object]) -> None:
    """Do writes together, and each by itself where that fails, so that one spoils no other."""
    if not writes:
        return
    try:
        do(writes)
    except Exception as error:  # noqa: BLE001 - handed to whoever asked
        if len(writes) > 1:
            for write in writes:
                _answer([write], do)
            return
        if writes[0].run is not None:
            log.warning("MLflow's run %s could not be made: %s", writes[0].run_id, error)
        writes[0].future.set_exception(error)
    else:
        for write in writes:
            write.future.set_result(None)
