"""Requests at a rate, while sweeps on an emulated Azure ML are followed.

50 sweeps a second are posted, first beside requests of all other kinds, then alone. They are real
ones of the local engine, whose only slot is taken: each is judged, written down, handed over and
looked at, and then it waits, so that what is measured is the service and not the trials; those of
the first part still wait in the second one. Emulator, engine, database, client and service share
the cores.
"""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from app.settings import Settings
from app.sweep.examples import SEED
from benchmarks.api_load import Figures, Stream, figures, start
from benchmarks.api_records import RARE_TAG, TAG
from benchmarks.api_waiting import last_cursor, occupy
from benchmarks.tracker import CALL, LATENCY, LOOK, submit
from tests.azure_emulator.running import RunningEmulator, running_emulator
from tests.served import ROOT, Served, served

POST_P99, SLOWEST = 50, 1000
"""Targets, ms: of posts at 50 a second alone, and of whatever is asked."""
POST = "POST"
_POLL_SECONDS = Settings.model_fields["poll_interval"].default
_TRIALS = 10
_LIST = "/v1/sweeps?limit=50"


def while_tracking(
    url: str, folder: Path, names: Sequence[str], *, tracked: int, seconds: float
) -> Iterator[Table]:
    """How long requests take while so many sweeps are followed; the database is full.

    Args:
        url: of the database.
        folder: for the service's data.
        names: sweeps that are asked for in turn.
        tracked: simulated sweeps on the emulated Azure ML.
        seconds: for which all kinds are sent, and then for which posts are.

    Returns:
        A table of each.
    """
    with running_emulator(folder / "azure", simulated=_TRIALS) as emulator:
        # They are looked at as often as by default; the emulator's own tests are less patient.
        variables = emulator.environment() | {"SWEEPFRONT_POLL_INTERVAL": str(_POLL_SECONDS)}
        options = {"database_url": url, "environment": variables, "slots": 1}
        with served(folder / "tracking", code_root=ROOT, **options) as service:
            streams = _streams(service, names)
            submit(service, tracked, _TRIALS)
            occupy(service)
            for stream in streams:  # so that nothing is imported under way
                service.client.request(stream.method, stream.paths[0], content=stream.body)
            service.client.get("/dashboard/nothing")  # brings the pages' library
            emulator.misbehave({"match": "", "times": -1, "delay": LATENCY})
            posts = [stream for stream in streams if stream.title == POST]
            yield _at_rates(service, emulator, streams, tracked, seconds)
            yield _at_rates(service, emulator, posts, tracked, seconds)


def _at_rates(
    service: Served,
    emulator: RunningEmulator,
    streams: Sequence[Stream],
    tracked: int,
    seconds: float,
) -> Table:
    """What comes of the streams for so long."""
    used, looks, calls = service.processor_seconds(), *_asked(emulator)
    client = start(service.port, streams, seconds=seconds)
    while client.poll() is None:
        emulator.advance(sweeps=tracked, trials=1)
        _wait(client, _POLL_SECONDS)
    web, _, beside = (
        (after - before) / seconds
        for before, after in zip(used, service.processor_seconds(), strict=True)
    )
    table = _table(figures(client))
    looks_now, calls_now = _asked(emulator)
    table.caption = (
        f"{tracked} followed: {looks_now - looks} looks at them in {seconds:.0f} s, "
        f"{calls_now - calls} calls; the web server took {web:.2f} of a core, the process beside "
        f"it {beside:.2f}"
    )
    return table


def _asked(emulator: RunningEmulator) -> tuple[int, int]:
    """Looks at sweeps and all calls, so far."""
    return len(emulator.requests(LOOK)), len(emulator.requests(CALL))


def _table(found: dict[str, Figures]) -> Table:
    table = Table("at a rate", "/s", "median, ms", "p99", "most", "refused", "target")
    alone = len(found) == 1
    for each in found.values():
        target = f"p99 <= {POST_P99}" if alone else ""
        row = (f"{each.per_second:.1f}", f"{each.median:.1f}", f"{each.p99:.1f}")
        refused = "; ".join(f"{count} x {words}" for words, count in each.failed.items())
        table.add_row(each.title, *row, f"{each.most:.0f}", refused, target)
    most = max(found.values(), key=lambda each: each.most)
    target = f"most < {SLOWEST}"
    table.add_row(f"slowest: {most.title}", "", "", "", f"{most.most:.0f}", "", target)
    return table


def _wait(client: "subprocess.Popen[str]", seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        client.wait(seconds)


def _streams(service: Served, names: Sequence[str]) -> list[Stream]:
    """What is asked, and how often a second: posts above all, and everything else beside them."""
    sweeps = [f"/v1/sweeps/{name}" for name in names]
    newest = service.get(_LIST)
    last = last_cursor(service)
    return [
        Stream(title=POST, method="POST", paths=["/v1/sweeps"], body=json.dumps(SEED), rate=50),
        Stream(title="one sweep", paths=sweeps, rate=10),
        Stream(title="its trials", paths=[f"{path}/trials" for path in sweeps], rate=2),
        Stream(title="its best trial", paths=[f"{path}/best-trial" for path in sweeps], rate=1),
        Stream(title="its history", paths=[f"{path}/views/history" for path in sweeps], rate=0.5),
        Stream(title="first page", paths=[_LIST], rate=2),
        Stream(title="second page", paths=[f"{_LIST}&cursor={newest['next_cursor']}"], rate=1),
        Stream(title="last page", paths=[f"{_LIST}&cursor={last}"], rate=1),
        Stream(title="page of a status", paths=[f"{_LIST}&status=failed"], rate=1),
        Stream(title="page of a tag", paths=[f"{_LIST}&tag={':'.join(TAG)}"], rate=1),
        Stream(title="page of a rare tag", paths=[f"{_LIST}&tag={':'.join(RARE_TAG)}"], rate=0.5),
        Stream(title="search for none", paths=[f"{_LIST}&search=nowhere"], rate=0.25),
        Stream(title="events", paths=["/v1/events?limit=50"], rate=1),
        Stream(title="models", paths=["/v1/models"], rate=0.5),
        Stream(title="backends", paths=["/v1/backends"], rate=0.5),
        Stream(title="ready", paths=["/readyz"], rate=1),
    ]
