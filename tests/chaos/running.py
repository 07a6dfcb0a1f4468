"""A chaos run: rounds of kills, each on a service with a folder of its own, and what they left."""

import contextlib
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.checks import check_models, check_sweeps
from tests.chaos.client import Client, GaveUpError, dice_of
from tests.chaos.kinds import write_code
from tests.chaos.lives import Lives
from tests.chaos.notes import Notes
from tests.chaos.processes import house
from tests.chaos.records import check_databases, check_journals, check_mlflow
from tests.chaos.strikes import Striker, strikes
from tests.faults.postgres import RunningPostgres, running_postgres
from tests.served import Served

POINTS_A_ROUND = 20
DATABASES = ("sqlite", "postgresql")
_CALLERS = 4
_GONE_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run came to; `figures` in the order in which they are printed."""

    violations: list[str] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def run(folder: Path, *, points: int, seed: int, database: str = "sqlite") -> Outcome:
    """Kill at that many points.

    Args:
        folder: gets a folder for each round; that of a round in which all held is removed.
        points: how many kills.
        seed: of everything that is drawn.
        database: where the records are; each round has one of its own.
    """
    outcome = Outcome()
    begin = time.monotonic()
    with contextlib.ExitStack() as ending:
        server: RunningPostgres | None = None
        if database == "postgresql":
            server = ending.enter_context(running_postgres(folder / "postgresql"))
        for index, start in enumerate(range(0, points, POINTS_A_ROUND)):
            place = folder / f"round-{index}"
            url = server.database(f"round_{index}") if server else ""
            count = min(POINTS_A_ROUND, points - start)
            _add(outcome, index, place, _round(place, dice_of(f"{seed}.{index}"), count, url))
    outcome.seconds = time.monotonic() - begin
    return outcome


def _add(outcome: Outcome, index: int, place: Path, notes: Notes) -> None:
    """Add up what a round came to; its folder goes if all held."""
    (place / "what-happened.log").write_text("\n".join(notes.log) + "\n", encoding="utf-8")
    outcome.violations += [f"round {index}: {words}" for words in notes.violations]
    outcome.kills += notes.kills
    outcome.moments += notes.moments
    outcome.figures.update(notes.counts)  # keeps what is 0
    if not notes.violations:
        shutil.rmtree(place)


def _round(place: Path, dice: Random, points: int, database_url: str) -> Notes:
    notes = Notes()
    write_code(place / "code")
    service = Served(place / "data", code_root=place / "code", database_url=database_url)
    address = str(service.client.base_url)
    callers = [Lives(address, notes, dice_of(str(dice.random()))) for _ in range(_CALLERS)]
    service.launch()
    try:
        for caller in callers:
            caller.start()
        striker = Striker(service, notes)
        for strike in strikes(dice, points):
            striker.strike(strike)
        for caller in callers:
            caller.end()
        for caller in callers:
            caller.join()
        _check(service, notes, address)
    finally:
        if service.process is not None and service.process.poll() is None:
            service.stop()
        service.client.close()
        _end_who_is_left(service, notes)
    return notes


def _check(service: Served, notes: Notes, address: str) -> None:
    """Check over HTTP, then stop the service and check its files."""
    client = Client(address, notes, dice_of("check"))
    try:
        trials = check_sweeps(client, notes)
        versions = check_models(client, notes)
    except GaveUpError as error:
        notes.broken(str(error))
        return
    finally:
        client.close()
    if (code := service.stop()) not in (0, -signal.SIGTERM):
        notes.broken(f"the stopped service's exit code is {code}")
    check_databases(service.data, notes)
    check_mlflow(service.data, notes, trials, versions)
    interrupted = check_journals(service.data, notes)
    everyone = [trial for found in trials.values() for trial in found]
    notes.counts["sweeps"] += len(trials)
    notes.counts["trials"] += len(everyone)
    notes.counts["interrupted, run again"] += interrupted.total()
    notes.counts["failed: killed by themselves"] += sum(t["status"] == "failed" for t in everyone)
    notes.counts["registrations answered"] += len(notes.versions)
    notes.counts["versions"] += len(versions)


def _end_who_is_left(service: Served, notes: Notes) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while left := house(service.data).everybody:
        if time.monotonic() > deadline:
            notes.broken(f"left behind by the end: {[process.words for process in left]}")
            for process in left:
                process.kill()
            return
        time.sleep(0.1)
