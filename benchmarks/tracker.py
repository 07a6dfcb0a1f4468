"""The tracker following many sweeps on an emulated Azure ML with latency; `make bench-tracker`.

The sweeps are simulated: nothing runs, their trials log when they are told to. The service is a
process of its own; it is told to look as often as it can, so that a round (one look at every
sweep) takes as long as it must.
"""

import argparse
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.azure_emulator.running import RunningEmulator, running_emulator
from tests.served import Served, served

LATENCY = 0.05
LOOK = "GET .*/jobs/"
CALL = "^(?!GET /metadata/endpoints)"
"""What a workspace is asked; the clouds' addresses are asked for only on clouds of one's own."""
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS {verb}_{table} AFTER {verb} ON {table}
BEGIN INSERT INTO written VALUES ('{table}'); END
"""
TABLES = ("trials", "metrics", "events", "sweeps")
CURSOR = """
CREATE TRIGGER IF NOT EXISTS cursor_sweeps AFTER UPDATE OF cursor ON sweeps
BEGIN INSERT INTO written VALUES ('cursor'); END
"""
"""A cursor is long, and is written only with news."""
COUNTED = (*TABLES, "cursor")
LATE = "SELECT count(*) FROM sweeps WHERE last_synced_at < ?"
METRICS = "SELECT count(*) FROM metrics"


@dataclass(frozen=True, slots=True)
class Round:
    """What it took to look at every sweep, and to write all news; rows are those of the round."""

    title: str
    changed: int
    seconds: float
    looks: int
    calls: int
    rows: dict[str, int]
    megabytes: float

    @property
    def calls_for_news(self) -> str:
        """Calls for each changed trial, beside the two of every look."""
        return f"{(self.calls - 2 * self.looks) / self.changed:.2f}" if self.changed else ""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweeps", type=int, default=500)
    parser.add_argument("--trials", type=int, default=50)
    options = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_emulator(folder / "azure", simulated=options.trials) as emulator:
            variables = emulator.environment() | {"SWEEPFRONT_POLL_INTERVAL": "0.1"}
            with served(folder / "data", environment=variables) as service:
                console.print(f"submitting {options.sweeps} sweeps ...")
                submit(service, options.sweeps, options.trials)
                rounds = _rounds(service, emulator, options.sweeps, options.trials)
    _print(console, rounds, options.sweeps, options.trials)


def submit(service: Served, sweeps: int, trials: int) -> None:
    """Submit so many simulated sweeps, and wait until all of them run."""
    started = time.monotonic()
    for number in range(sweeps):
        service.submit(
            {
                "name": f"bench-{number:04}",
                "backend": "azureml",
                "trial": {
                    "command": "train --x ${{search_space.x}}",
                    "environment": "azureml:concrete_env:1",
                },
                "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
                "sampling_algorithm": "random",
                "objective": {"primary_metric": "loss", "goal": "minimize"},
                "limits": {"max_total_trials": trials, "max_concurrent_trials": trials},
            }
        )
    while len(service.items("/v1/sweeps?status=running&limit=200")) < sweeps:
        if time.monotonic() - started > 60 + sweeps:
            raise RuntimeError(service.log()[-3000:])
        time.sleep(0.5)


def _rounds(service: Served, emulator: RunningEmulator, sweeps: int, trials: int) -> list[Round]:
    emulator.misbehave({"match": "", "times": -1, "delay": LATENCY})
    changes: list[tuple[str, int, int]] = [
        ("none", 0, 0),
        ("1 trial in each sweep", sweeps, 1),
        ("all trials of 1 sweep in 50", max(1, sweeps // 50), trials),
        ("all trials of all sweeps", sweeps, trials),
    ]
    return [_round(service, emulator, title, changed, each) for title, changed, each in changes]


def _round(
    service: Served, emulator: RunningEmulator, title: str, sweeps: int, trials: int
) -> Round:
    """From a change of some trials of some sweeps until every sweep was looked at since."""
    expected = _number(service, METRICS) + sweeps * trials
    _count_rows(service)
    requests = len(emulator.requests(CALL))
    looks = len(emulator.requests(LOOK))
    emulator.advance(sweeps=sweeps, trials=trials)
    started = time.monotonic()
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    while _number(service, LATE, moment) or _number(service, METRICS) < expected:
        time.sleep(0.1)
    seconds = time.monotonic() - started
    rows = dict(_database(service, "SELECT name, count(*) FROM written GROUP BY name"))
    return Round(
        title=title,
        changed=sweeps * trials,
        seconds=seconds,
        looks=len(emulator.requests(LOOK)) - looks,
        calls=len(emulator.requests(CALL)) - requests,
        rows={name: rows.get(name, 0) for name in COUNTED},
        megabytes=service.memory(),
    )


def _count_rows(service: Served) -> None:
    """Have the database itself note every row that is written."""
    _database(service, "CREATE TABLE IF NOT EXISTS written (name TEXT)")
    _database(service, "DELETE FROM written")
    for table in TABLES:
        for verb in ("INSERT", "UPDATE", "DELETE"):
            _database(service, _TRIGGER.format(verb=verb, table=table))
    _database(service, CURSOR)


def _number(service: Served, statement: str, *values: str) -> int:
    number: int = _database(service, statement, *values)[0][0]
    return number


def _database(service: Served, statement: str, *values: str) -> list[Any]:
    connection = sqlite3.connect(service.data / "sweepfront.db", timeout=30)
    try:
        with connection:
            return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def _print(console: Console, rounds: list[Round], sweeps: int, trials: int) -> None:
    table = Table("news", "s", "looks", "calls", "for each changed trial", *COUNTED, "MB")
    for each in rounds:
        table.add_row(
            each.title,
            f"{each.seconds:.1f}",
            str(each.looks),
            str(each.calls),
            each.calls_for_news,
            *(str(each.rows[name]) for name in COUNTED),
            f"{each.megabytes:.0f}",
        )
    console.print(
        f"{sweeps} sweeps of {trials} trials, {LATENCY * 1000:.0f} ms a call; rows written by table"
    )
    console.print(table)


if __name__ == "__main__":
    main()
