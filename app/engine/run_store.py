"""Writes batches to MLflow's tracking store; each write is answered, also when its batch fails."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.engine.run_rows import RunRows
from app.engine.run_writes import MAX_METRICS, RunBatch, Write, calls

Untyped = Any
"""MLflow has no types."""

log = logging.getLogger(__name__)


class RunStore:
    """The runs of one store, which nobody else writes."""

    def __init__(self, store: Untyped, insist: Callable[[Callable[[], object]], object]) -> None:
        """Write to this SqlAlchemyStore; `insist` does a thing again until the store takes it."""
        self._store = store
        self._insist = insist
        self._rows = RunRows()
        self._made: set[str] = set()
        self._last_time: dict[str, dict[str, int]] = {}

    def write(self, batch: Mapping[str, RunBatch]) -> None:
        """Write to several runs: new ones first, then what was logged, then how they ended.

        A run that has ended in the store has all of its values there.
        """
        new = [each.run for each in batch.values() if each.run is not None]
        self._answer(new, self._make)
        self._made.update(write.run_id for write in new)
        for run_id, each in batch.items():
            self._put_later(run_id, each)
        logs = [write for each in batch.values() for write in each.logs]
        plain = [write for write in logs if write.run_id in self._made and write.plain]
        self._answer(plain, self._insert)
        for together in calls(write for write in logs if not write.future.done()):
            self._answer(together, self._log)
        self._answer([end for each in batch.values() for end in each.ends], self._end)

    def _make(self, writes: Sequence[Write]) -> None:
        """Make runs under ids of our own, for which MLflow has no call: through its tables.

        A test holds what is made here against what `create_run` makes.
        """
        with self._store.ManagedSessionMaker(read_only=False) as session:
            self._rows.make(session, [write.run for write in writes if write.run is not None])

    def _insert(self, writes: Sequence[Write]) -> None:
        """Metrics alone, of any number of runs that were made here, through MLflow's tables."""
        with self._store.ManagedSessionMaker(read_only=False) as session:
            self._rows.log(session, [(w.run_id, w.log[0]) for w in writes if w.log is not None])

    def _put_later(self, run_id: str, batch: RunBatch) -> None:
        """Give each metric a time after the one before: MLflow drops what shares time and step."""
        last = self._last_time.setdefault(run_id, {})
        for write in batch.logs:
            for metric in write.log[0] if write.log else ():
                time = max(metric.timestamp, last.get(metric.key, 0) + 1)
                metric._timestamp = last[metric.key] = time  # noqa: SLF001 - it has no setter

    def _log(self, writes: Sequence[Write]) -> None:
        """Anything that was logged to one run, by MLflow's own call."""
        run_id = writes[0].run_id
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

    def _end(self, writes: Sequence[Write]) -> None:
        """Give runs their ends, through MLflow's tables, too."""
        ends = [(write.run_id, *write.end) for write in writes if write.end is not None]
        with self._store.ManagedSessionMaker(read_only=False) as session:
            self._rows.end(session, ends)
        for write in writes:
            self._last_time.pop(write.run_id, None)
            self._made.discard(write.run_id)

    def _answer(self, writes: Sequence[Write], do: Callable[[Sequence[Write]], object]) -> None:
        """Do writes together, and each by itself where that fails, so that one spoils no other."""
        if not writes:
            return
        try:
            self._insist(lambda: do(writes))
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            if len(writes) > 1:
                for write in writes:
                    self._answer([write], do)
                return
            if writes[0].run is not None:
                log.warning("MLflow's run %s could not be made: %s", writes[0].run_id, error)
            writes[0].future.set_exception(error)
        else:
            for write in writes:
                write.future.set_result(None)
