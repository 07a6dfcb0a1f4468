"""How long things are kept: from settings and a clock to moments, and which reports stay; pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Part = Literal["artifacts", "logs", "metrics", "events", "archived"]
"""What is kept for a time of its own."""
PARTS: tuple[Part, ...] = ("archived", "artifacts", "logs", "metrics", "events")
"""In the order in which they are removed: of a sweep that goes as a whole nothing else does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long each part is kept after its sweep's end, in days; None: for ever.

    Attributes:
        artifacts: files that trials left behind, with their copies of the code.
        logs: what trials printed.
        metrics: reports beyond `points` of a trial and metric.
        events: all but the newest of a sweep.
        archived: whole sweeps, from the day on which they were archived.
        points: reports of a trial and metric that are kept for ever, at most.
    """

    artifacts: float | None = None
    logs: float | None = None
    metrics: float | None = None
    events: float | None = None
    archived: float | None = None
    points: int = 500


Cutoffs = dict[Part, datetime]
"""Sweeps that ended before that moment lose this part; parts that are kept for ever are absent."""


def cutoffs(terms: Terms, now: datetime) -> Cutoffs:
    """The moments for a round that begins now."""
    found: Cutoffs = {}
    for part in PARTS:
        days: float | None = getattr(terms, part)
        if days is not None:
            found[part] = now - timedelta(days=days)
    return found


@dataclass(frozen=True, slots=True)
class Report:
    """A report of one metric by one trial.

    Attributes:
        id: rises in the order of arrival.
        interval: its place in line, from 1.
        value: None is NaN.
    """

    id: int
    interval: int
    value: float | None


def kept(reports: Iterable[Report], last_interval: int, points: int) -> set[int]:
    """The ids of the reports that stay, at most `points`, so that their curve looks the same.

    The first and the last; and of each of equally many intervals the least and the greatest value,
    hence the best of all. Removing some of the others changes none of these, so that a thinning
    that was cut off is gone on with, and a second one removes nothing.

    Args:
        reports: in the order of arrival.
        last_interval: of the last one.
        points: at least 4.
    """
    buckets = (points - 2) // 2
    width = math.ceil(last_interval / buckets)
    first: Report | None = None
    last: Report | None = None
    lows: dict[int, Report] = {}
    highs: dict[int, Report] = {}
    for report in reports:
        first = first or report
        last = report
        if report.value is None:
            continue
        bucket = (report.interval - 1) // width
        low, high = lows.get(bucket), highs.get(bucket)
        if low is None or report.value < _value(low):
            lows[bucket] = report
        if high is None or report.value > _value(high):
            highs[bucket] = report
    ends = [report for report in (first, last) if report is not None]
    return {report.id for report in (*ends, *lows.values(), *highs.values())}


def _value(report: Report) -> float:
    return math.nan if report.value is None else report.value


def in_words(part: Part, items: int) -> str:
    """So many things of that part, such as `12 files`."""
    kinds: dict[Part, str] = {"metrics": "reports", "events": "events"}
    return f"{items} {kinds.get(part, 'files')}"


@dataclass(slots=True)
class Tally:
    """What was, or would be, removed of a part.

    Attributes:
        sweeps: of how many.
        items: files, reports or events.
        bytes: of files.
    """

    sweeps: int = 0
    items: int = 0
    bytes: int = 0

    def add(self, items: int, size: int = 0) -> None:
        """Count one more sweep."""
        self.sweeps += 1
        self.items += items
        self.bytes += size
