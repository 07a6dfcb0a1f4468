"""What is to be written to MLflow's store: a queue that gathers, and batches made of what it holds.

Writes to different runs do not depend on each other; those to one run keep their order. Anything
else is done by itself, after all that was asked for before it.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from app.engine.run_entities import NewRun

GATHER_SECONDS = 0.5
"""How long a write waits for others, as nobody waits for it."""
_FULL = 5000
MAX_METRICS = 1000
_MAX_OTHERS = 100
"""Metrics, and params or tags, that MLflow takes in one call of log_batch."""


@dataclass(slots=True)
class Write:
    """Something to do: exactly one of `run`, `log`, `end` and `work` is set.

    Attributes:
        run_id: the run that is written; empty for other work.
        run: a run to make.
        log: metrics, params and tags to log.
        end: status (MLflow's word) and end time (milliseconds) to set.
        work: any other call.
        future: gets the result.
    """

    run_id: str = ""
    run: NewRun | None = None
    log: tuple[list[Any], list[Any], list[Any]] | None = None
    end: tuple[str, int] | None = None
    work: Callable[[], object] | None = None
    future: "Future[Any]" = field(default_factory=Future)

    @property
    def plain(self) -> bool:
        """True when it logs metrics and nothing else, and these belong to no model."""
        metrics, params, tags = self.log or ([], [], [])
        return not params and not tags and all(metric.model_id is None for metric in metrics)


@dataclass(slots=True)
class RunBatch:
    """What is to be written to one run: it is made, then logged to, then ended."""

    run: Write | None = None
    logs: list[Write] = field(default_factory=list)
    ends: list[Write] = field(default_factory=list)

    def __iter__(self) -> Iterator[Write]:
        yield from ([self.run] if self.run is not None else [])
        yield from self.logs
        yield from self.ends


class Writes:
    """The queue: any thread puts, one takes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[Write] = []
        self._urgent = False
        self._closed = False

    def put(self, write: Write, *, urgent: bool) -> None:
        """Add something to do; `urgent` when somebody waits for its result."""
        with self._condition:
            self._waiting.append(write)
            wake = len(self._waiting) in (1, _FULL) or (urgent and not self._urgent)
            self._urgent |= urgent
            if wake:
                self._condition.notify()

    def close(self) -> None:
        """Have what is left taken at once; nothing is put any more."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def take(self) -> list[Write]:
        """Everything there is, once somebody waits for it or some time has passed; [] at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._closed)
            until = time.monotonic() + GATHER_SECONDS
            while not (self._urgent or self._closed or len(self._waiting) >= _FULL):
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._condition.wait(left)
            taken, self._waiting = self._waiting, []
            self._urgent = False
            return taken


def batches(writes: Iterable[Write]) -> Iterator[dict[str, RunBatch] | Write]:
    """The writes by run, in the order of their first one; other work stands between."""
    gathered: dict[str, RunBatch] = {}
    for write in writes:
        if write.work is not None:
            if gathered:
                yield gathered
                gathered = {}
            yield write
            continue
        batch = gathered.setdefault(write.run_id, RunBatch())
        if write.run is not None:
            batch.run = write
        elif write.log is not None:
            batch.logs.append(write)
        else:
            batch.ends.append(write)
    if gathered:
        yield gathered


def calls(logs: Iterable[Write]) -> Iterator[list[Write]]:
    """Neighbouring logs that may go into one call of log_batch: those of one run.

    A param that is there twice stays apart, since MLflow refuses it within one call.
    """
    together: list[Write] = []
    counts = [0, 0, 0]
    params: set[str] = set()
    for write in logs:
        parts = write.log or ([], [], [])
        more = [count + len(part) for count, part in zip(counts, parts, strict=True)]
        keys = {param.key for param in parts[1]}
        full = sum(more) > MAX_METRICS or max(more[1:]) > _MAX_OTHERS
        other = bool(together) and together[-1].run_id != write.run_id
        if together and (other or full or keys & params):
            yield together
            together, params = [], set()
            more = [len(part) for part in parts]
        together.append(write)
        counts = more
        params |= keys
    if together:
        yield together
