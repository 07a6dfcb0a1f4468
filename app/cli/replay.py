"""`replay`: what other early-termination policies would have done to a sweep, side by side."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli.calls import CommandError, Url, client_of, told
from app.sweep.body import decode
from app.sweep.errors import SweepfrontError
from sweepfront import Replay, Sweep

Json = dict[str, Any]

DEFAULTS: dict[str, Json] = {
    "bandit": {"slack_factor": 0.1},
    "median_stopping": {},
    "truncation_selection": {"truncation_percentage": 20},
}
_HELP = (
    "A policy with other settings, TYPE:KEY=VALUE,KEY=VALUE; may be given several times. "
    "Policies that are not named are shown with their usual settings."
)


def replay(
    name: Annotated[str, typer.Argument(help="The sweep.")],
    policy: Annotated[list[str] | None, typer.Option(help=_HELP)] = None,
    url: Url = None,
) -> None:
    """Show what early termination would have stopped and saved, from recorded reports.

    Example: replay concrete-1 --policy bandit:slack_factor=0.2,delay_evaluation=3
    """
    with told():
        handle = client_of(url).sweep(name)
        columns = [(words, handle.replay(wanted)) for words, wanted in _policies(policy)]
        _print(handle.sweep, columns, Console())


def _policies(given: Iterable[str] | None) -> list[tuple[str, Json]]:
    """Each policy's words and its body, the three types in their order."""
    wanted = [_parsed(text) for text in given or ()]
    named = {body["type"] for body in wanted}
    wanted += [{"type": kind, **rest} for kind, rest in DEFAULTS.items() if kind not in named]
    order = list(DEFAULTS)
    wanted.sort(key=lambda body: order.index(body["type"]) if body["type"] in order else len(order))
    return [(_words(body), body) for body in wanted]


def _parsed(text: str) -> Json:
    kind, _, rest = text.partition(":")
    pairs = [part.partition("=") for part in rest.split(",") if part]
    lines = [f"{key.strip()}: {value}" for key, _, value in pairs]
    try:
        settings = decode("\n".join(lines).encode(), "application/yaml") if lines else {}
    except SweepfrontError as error:
        raise CommandError(
            f"--policy {text}: write TYPE:KEY=VALUE,KEY=VALUE, such as "
            "bandit:slack_factor=0.1,delay_evaluation=2",
            refused=True,
        ) from error
    return {"type": kind.strip(), **settings}


def _words(body: Json) -> str:
    settings = [f"{key} {value}" for key, value in body.items() if key != "type"]
    return "\n".join([body["type"], *settings])


def _print(sweep: Sweep, columns: list[tuple[str, Replay]], console: Console) -> None:
    goal = sweep.document["objective"]["goal"]
    console.print(
        f"{sweep.name}: {goal} {sweep.primary_metric}, {sweep.trial_counts.total} trials",
        highlight=False,
    )
    table = Table("", *(words for words, _ in columns))
    table.add_row("stopped trials", *(_stopped(found) for _, found in columns))
    table.add_row("trial time saved", *(_saved(found) for _, found in columns))
    table.add_row("the winner", *(_winner(found) for _, found in columns))
    table.add_row("best that goes on", *(_best_left(found) for _, found in columns))
    table.add_row("evaluations", *(str(found.evaluations) for _, found in columns))
    console.print(table)
    if sweep.trial_counts.early_terminated:
        console.print(
            f"{sweep.trial_counts.early_terminated} trials were stopped at the time; what "
            "they would have reported later is not known",
            highlight=False,
        )


def _stopped(found: Replay) -> str:
    if not found.stops:
        return "none"
    shown = [f"{stop.trial} (report {stop.interval})" for stop in found.stops[:10]]
    more = len(found.stops) - len(shown)
    return f"{len(found.stops)}: " + ", ".join(shown) + (f", {more} more" if more else "")


def _saved(found: Replay) -> str:
    saved, total = found.saved_seconds, found.total_seconds
    share = f" ({100 * saved / total:.0f} %)" if total else ""
    return f"{saved:.1f} of {total:.1f} s{share}"


def _winner(found: Replay) -> str:
    if found.winner is None:
        return "none"
    fate = "STOPPED" if found.winner_stopped else "goes on"
    return f"trial {found.winner.number} {fate}"


def _best_left(found: Replay) -> str:
    best = found.best_left
    if best is None:
        return "none"
    value = "" if best.objective_value is None else f": {best.objective_value:.6g}"
    return f"trial {best.number}{value}"
