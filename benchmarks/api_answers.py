"""Answers a second: the service beside bare Starlette, way after way in each round."""

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from rich.table import Table

from app.sweep.examples import SEED
from benchmarks.api_bare import bare
from benchmarks.api_load import Figures, Stream, load
from benchmarks.api_records import RARE_TAG, TAG
from benchmarks.api_waiting import handed_over, last_cursor, occupy
from tests.served import ROOT, Served, served

LISTED, LAST_PAGE = 0.6, 1.2
"""Targets: of the rate without the framework; the last page's cost, of the first one's."""
BYTES, CORE, SERVICE = "bytes", "core", "service"
ONE, FIRST, LAST, POST = "one sweep", "first page of 50", "last page of 50", "POST"
_LIST = "/v1/sweeps?limit=50"
_TURNS = 300
_FILTERS = {
    "page, status=failed": "&status=failed",
    "page, a tag of every 4th": f"&tag={':'.join(TAG)}",
    "page, a tag of every 1,000th": f"&tag={':'.join(RARE_TAG)}",
    "page, experiment_name": "&experiment_name=experiment_7",
    "page, sort=name": "&sort=name",
}

Found = dict[str, dict[str, list[Figures]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An answer, and the paths to it by way."""

    title: str
    paths: dict[str, list[str]]
    body: str = ""


def answers(
    url: str, folder: Path, names: Sequence[str], *, rounds: int, seconds: float
) -> list[Table]:
    """The table of answers a second, and that of targets.

    Args:
        url: of a full database.
        folder: for the service's data.
        names: sweeps that are asked for in turn.
        rounds: how often each way is measured.
        seconds: how long each time.
    """
    found: Found = defaultdict(lambda: defaultdict(list))
    given = folder / "given"
    given.mkdir()
    with served(folder / "answers", code_root=ROOT, database_url=url, slots=1) as service:
        cursor = last_cursor(service)
        occupy(service)
        reading = _reading(names, cursor)
        _keep_answers(service, reading, given)
        later = _later(service, cursor)
        with bare(url, given, folder / "bare.log") as port:
            _must_be_alike(service, port, reading)
            ports = {BYTES: port, CORE: port, SERVICE: service.port}
            for case in [*(reading * rounds), *([_posting()] * rounds)]:
                for way, paths in case.paths.items():
                    method = "POST" if case.body else "GET"
                    stream = Stream(title=way, paths=paths, method=method, body=case.body)
                    figures = load(ports[way], [stream], seconds=seconds)
                    found[case.title][way].append(figures[way])
                    handed_over(service)
    return [_table(found), _targets(found, later)]


def _reading(names: Sequence[str], cursor: str) -> list[Case]:
    three = [
        Case(
            title=ONE,
            paths={
                BYTES: ["/bytes/one"],
                CORE: [f"/sweeps/{name}" for name in names],
                SERVICE: [f"/v1/sweeps/{name}" for name in names],
            },
        )
    ]
    for title, after in ((FIRST, ""), (LAST, f"cursor={cursor}")):
        paths = {
            BYTES: ["/bytes/list"],
            CORE: [f"/list?{after}"],
            SERVICE: [f"{_LIST}&{after}"],
        }
        three.append(Case(title=title, paths=paths))
    filtered = (
        Case(title=title, paths={SERVICE: [_LIST + given]}) for title, given in _FILTERS.items()
    )
    return [*three, *filtered]


def _posting() -> Case:
    return Case(
        title=POST,
        paths={BYTES: ["/bytes/one"], CORE: ["/insert"], SERVICE: ["/v1/sweeps"]},
        body=json.dumps(SEED),
    )


def _keep_answers(service: Served, reading: Sequence[Case], folder: Path) -> None:
    """The service's own answers, to be given as bytes."""
    for case, file in zip(reading, ("one", "list"), strict=False):
        (folder / file).write_bytes(service.client.get(case.paths[SERVICE][0]).content)


def _must_be_alike(service: Served, port: int, reading: Sequence[Case]) -> None:
    """What is compared has the same answers."""
    for case in reading:
        if CORE not in case.paths:
            continue
        ours = service.client.get(case.paths[SERVICE][0])
        bare = service.client.get(f"http://127.0.0.1:{port}{case.paths[CORE][0]}")
        if ours.json() != bare.json():
            raise RuntimeError(f"{case.title}: {ours.text[:500]}\n{bare.text[:500]}")


def _table(found: Found) -> Table:
    table = Table(
        "16 connections", "the bytes", "Core, json", "service", "service / Core", "p99, ms"
    )
    for title, ways in found.items():
        rates = [_rate(ways.get(way, ())) for way in (BYTES, CORE, SERVICE)]
        shown = ["" if rate is None else f"{rate:,.0f} /s" for rate in rates]
        share = _share(ways[SERVICE], ways[CORE]) if CORE in ways else None
        slow = (ways[way] for way in (CORE, SERVICE) if way in ways)
        p99 = [f"{statistics.median(each.p99 for each in some):.1f}" for some in slow]
        table.add_row(title, *shown, f"{share:.0%}" if share else "", " / ".join(p99))
    return table


def _targets(found: Found, later: float) -> Table:
    table = Table("pages", "measured", "target")
    listed = _share(found[FIRST][SERVICE], found[FIRST][CORE])
    table.add_row("first page: service / Core, json", f"{listed:.0%}", f">= {LISTED:.0%}")
    table.add_row("time of the last page / first page", f"{later:.2f}", f"<= {LAST_PAGE}")
    return table


def _later(service: Served, cursor: str) -> float:
    """The last page's time by the first one's, asked for in turn on one connection."""
    took: dict[str, list[float]] = {_LIST: [], f"{_LIST}&cursor={cursor}": []}
    with closing(HTTPConnection("127.0.0.1", service.port)) as connection:
        for _ in range(_TURNS):
            for path, times in took.items():
                started = time.perf_counter()
                connection.request("GET", path)
                connection.getresponse().read()
                times.append(time.perf_counter() - started)
    first, last = (statistics.median(times) for times in took.values())
    return last / first


def _share(some: Sequence[Figures], others: Sequence[Figures]) -> float:
    """The median, over the rounds, of one rate by the other."""
    pairs = zip(some, others, strict=True)
    return statistics.median(each.per_second / other.per_second for each, other in pairs)


def _rate(some: Sequence[Figures]) -> float | None:
    return statistics.median(each.per_second for each in some) if some else None
