"""How the databases find the rows of a list: the plans of the very statements that are sent."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from rich.table import Table
from sqlalchemy import Engine, create_engine, event

from app.store import sweeps
from app.store.database import Database
from app.store.engines import parse_url
from app.sweep.record import SweepFilter
from app.sweep.state import SweepStatus
from benchmarks.api_records import RARE_TAG, TAG

LISTS: dict[str, tuple[SweepFilter, str]] = {
    "all": (SweepFilter(), "-created_at"),
    "by name": (SweepFilter(), "name"),
    "status=failed": (SweepFilter(status=SweepStatus.FAILED), "-created_at"),
    "experiment_name": (SweepFilter(experiment_name="experiment_7"), "-created_at"),
    "a tag of every 4th": (SweepFilter(tag=TAG), "-created_at"),
    "a tag of every 1,000th": (SweepFilter(tag=RARE_TAG), "-created_at"),
    "a tag of none": (SweepFilter(tag=("no", "such")), "-created_at"),
    "status of none": (SweepFilter(status=SweepStatus.CANCELING), "-created_at"),
    "backend of none": (SweepFilter(backend="azureml"), "-created_at"),
    "search for none": (SweepFilter(search="no such name"), "-created_at"),
}

_TIMES = 5


def plans(url: str) -> Table:
    """Each list's plan, of its first page and of the one that follows, with the store's time."""
    table = Table("list", "page", "plan", "ms")
    db = Database(url)
    with closing(create_engine(parse_url(url)).raw_connection()) as connection:
        explain = _sqlite if url.startswith("sqlite") else _postgres
        for title, (wanted, sort) in LISTS.items():
            cursor: str | None = None
            for page in ("first", "next"):
                look = partial(sweeps.page, db, wanted, sort=sort, limit=50, cursor=cursor)
                with _sent() as statements:
                    following = look().next_cursor
                plan = explain(connection.cursor(), *statements[-1])
                table.add_row(title, page, plan, f"{_milliseconds(look):.1f}")
                cursor = following
                if cursor is None:
                    break
    db.close()
    return table


@contextmanager
def _sent() -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent meanwhile, with their values."""
    sent: list[tuple[str, Any]] = []

    def keep(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:  # noqa: ANN401 - the driver's own
        sent.append((statement, values))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


def _milliseconds(look: Callable[[], object]) -> float:
    took = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        look()
        took.append(time.perf_counter() - started)
    return 1000 * statistics.median(took)


def _sqlite(cursor: Any, statement: str, values: Any) -> str:  # noqa: ANN401 - a driver's cursor
    cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return "; ".join(row[3] for row in cursor.fetchall())


def _postgres(cursor: Any, statement: str, values: Any) -> str:  # noqa: ANN401 - a driver's cursor
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
    return "; ".join(_nodes(cursor.fetchone()[0][0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[str]:
    """The kinds of a plan's nodes with their indexes, and how many rows they passed over."""
    words = [plan["Node Type"]]
    if "Index Name" in plan:
        words += ["using", plan["Index Name"]]
    if removed := plan.get("Rows Removed by Filter"):
        words.append(f"({removed} passed over)")
    yield " ".join(words)
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
