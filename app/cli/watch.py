"""Follows a sweep until it ends: a progress bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from app.cli.client import Client, ClientError, Json

FINISHED = ("completed", "failed", "canceled")
_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0
_COUNTED = ("queued", "running", "completed", "early_terminated", "failed", "canceled")
_ENDED = ("completed", "early_terminated", "failed", "canceled")


def watch(client: Client, name: str, console: Console) -> Json:
    """Show how a sweep goes on until it has ended; the sweep as it then is.

    Raises:
        ClientError: the service stays away for a minute.
    """
    sweep = client.sweep(name)
    total = int(sweep["expected_trials"])
    if not console.is_terminal:
        return _in_lines(client, sweep, total, console)
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=total, counts="")

        def show(now: Json) -> None:
            progress.update(task, completed=_ended(now), counts=_state(now))

        return _follow(client, sweep, show)


def _in_lines(client: Client, sweep: Json, total: int, console: Console) -> Json:
    said = ""

    def show(now: Json) -> None:
        nonlocal said
        line = f"{now['name']}: {_ended(now)}/{total} trials ended; {_state(now)}"
        if line != said:
            console.print(line, soft_wrap=True, highlight=False)
            said = line

    return _follow(client, sweep, show)


def _follow(client: Client, sweep: Json, show: Callable[[Json], None]) -> Json:
    away_since: float | None = None
    while True:
        show(sweep)
        if sweep["status"] in FINISHED:
            return sweep
        time.sleep(_LOOK_SECONDS)
        try:
            sweep = client.sweep(sweep["name"])
            away_since = None
        except ClientError as error:
            away_since = away_since or time.monotonic()
            if error.refused or time.monotonic() - away_since > _PATIENCE_SECONDS:
                raise


def _ended(sweep: Json) -> int:
    return sum(sweep["trial_counts"][word] for word in _ENDED)


def _state(sweep: Json) -> str:
    """The sweep's status, how many trials stand where, and the best value so far."""
    counts = sweep["trial_counts"]
    parts = [f"{counts[word]} {word.replace('_', ' ')}" for word in _COUNTED if counts[word]]
    best = sweep["best_trial"]
    if best is not None:
        parts.append(f"best {best['objective_value']:.6g} (trial {best['number']})")
    return ", ".join(parts) or str(sweep["status"])
