"""The tracker following many sweeps on an emulated Azure ML with latency; `make bench-tracker`.

The sweeps are simulated: nothing runs, their trials log when they are told to. The service is a
process of its own; it is told to look as often as it can, so that a round (one look at every
sweep) takes as long as it must.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
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


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of looks took."""

    title: str
    seconds: float
    calls_per_look: float
    rows: dict[str, float]
    megabytes: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweeps", type=int, default=500)
    parser.add_argument("--trials", type=int, default=50)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_emulator(folder / "azure", simulated=options.trials) as emulator:
            variables = emulator.environment() | {"SWEEPFRONT_POLL_INTERVAL": "0.1"}
            with served(folder / "data", environment=variables) as service:
                console.print(f"submitting {options.sweeps} sweeps ...")
                _submit(service, options.sweeps, options.trials)
                rounds = _rounds(service, emulator, options.sweeps, options.trials)
    _print(console, rounds, options.sweeps, options.trials)


def _submit(service: Served, sweeps: int, trials: int) -> None:
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
        ("nothing new", 0, 0),
        ("1 trial in each sweep", sweeps, 1),
        ("all trials of 1 sweep in 50", max(1, sweeps // 50), trials),
        ("all trials of all sweeps", sweeps, trials),
    ]
    found = []
    for title, changed, each in changes:
        expected = _number(service, "SELECT count(*) FROM metrics") + changed * each

        def change(changed: int = changed, each: int = each) -> None:
            emulator.advance(sweeps=changed, trials=each)

        found.append(_round(service, emulator, title, change))
        while _number(service, "SELECT count(*) FROM metrics") < expected:
            time.sleep(0.5)
    return found


def _round(
    service: Served,
    emulator: RunningEmulator,
    title: str,
    change: Callable[[], None],
) -> Round:
    """From a change until every sweep has been looked at since."""
    _count_rows(service)
    requests = len(emulator.requests(CALL))
    looks = len(emulator.requests(LOOK))
    change()
    started = time.monotonic()
    late = "SELECT count(*) FROM sweeps WHERE last_synced_at < ?"
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    while _number(service, late, moment):
        time.sleep(0.1)
    seconds = time.monotonic() - started
    done = len(emulator.requests(LOOK)) - looks
    rows = dict(_database(service, "SELECT name, sum(1) FROM written GROUP BY name"))
    return Round(
        title=title,
        seconds=seconds,
        calls_per_look=(len(emulator.requests(CALL)) - requests) / done,
        rows={name: rows.get(name, 0) / done for name in COUNTED},
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
    table = Table("round", "s", "calls", *(f"{name} rows" for name in TABLES), "cursors", "MB")
    for each in rounds:
        rows = (f"{each.rows[name]:.2f}" for name in COUNTED)
        table.add_row(
            each.title,
            f"{each.seconds:.1f}",
            f"{each.calls_per_look:.2f}",
            *rows,
            f"{each.megabytes:.0f}",
        )
    console.print(
        f"{sweeps} sweeps of {trials} trials, {LATENCY * 1000:.0f} ms a call; counts are for one look"
    )
    console.print(table)


if __name__ == "__main__":
    main()
