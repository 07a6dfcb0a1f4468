"""A sweep's progress: a bar on a terminal and in a notebook, plain lines elsewhere."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sweepfront.shapes import Sweep

Show = Callable[[Sweep], None]


@contextmanager
def shown() -> Iterator[Show]:
    """Whatever is told of a sweep is shown on standard output."""
    console = Console()
    # In a notebook rich draws what moves through ipywidgets.
    widgets = console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None
    if not (console.is_terminal or widgets):
        yield _in_lines(console)
        return
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
        yield _as_bar(progress)


def _as_bar(progress: Progress) -> Show:
    task = progress.add_task("", total=None, counts="")

    def show(sweep: Sweep) -> None:
        progress.update(
            task,
            description=sweep.name,
            total=sweep.expected_trials,
            completed=sweep.trial_counts.ended,
            counts=sweep.standing,
        )

    return show


def _in_lines(console: Console) -> Show:
    said = ""

    def show(sweep: Sweep) -> None:
        nonlocal said
        line = f"{sweep.name}: {sweep.progress}; {sweep.standing}"
        if line != said:
            console.print(line, soft_wrap=True, highlight=False, markup=False)
            said = line

    return show
