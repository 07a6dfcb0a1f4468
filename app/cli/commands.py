"""The commands that speak to a running service, and the demonstration, which starts one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.cli.client import Client, ClientError, Json
from app.cli.demo import DEMO_DOCUMENT, demonstrate
from app.cli.printing import print_outcome, print_sweep, print_sweeps
from app.cli.watch import watch
from app.settings import Settings

REFUSED = 2
_INTERRUPTED = 130

Url = Annotated[
    str | None,
    typer.Option(help="The service; default: SWEEPFRONT_URL, or http://127.0.0.1:8000."),
]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    for command in (submit, sweeps, show, demo):
        app.command()(command)


def submit(
    file: Annotated[Path, typer.Argument(help="A sweep document, YAML or JSON.")],
    *,
    watch_it: Annotated[
        bool, typer.Option("--watch", help="Show its progress until it ends.")
    ] = False,
    register: Annotated[
        bool,
        typer.Option("--register", help="Then register the best model as final_model (watches)."),
    ] = False,
    url: Url = None,
) -> None:
    """Submit a sweep to a running service.

    Exit code: 0 if the sweep was accepted (with --watch: completed), 1 if not, 2 if the document
    was refused.
    """
    console = Console()
    client = _client(url)
    with _told():
        sweep = client.submit(file)
        name = sweep["name"]
        typer.echo(f"sweep {name}: {client.url}/v1/sweeps/{name}")
        for words in sweep["warnings"]:
            typer.echo(f"warning: {words}")
        if not (watch_it or register):
            return
        ended = _watched(client, name, console)
        print_outcome(ended, console)
        if register and ended["best_trial"] is not None:
            version = client.register(name)
            typer.echo(f"registered {version['model_name']} version {version['version']}")
    if ended["status"] != "completed":
        raise typer.Exit(1)


def sweeps(
    status: Annotated[str | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    url: Url = None,
) -> None:
    """List the newest sweeps."""
    with _told():
        print_sweeps(_client(url).sweeps(status=status, limit=limit), Console())


def show(name: Annotated[str, typer.Argument(help="The sweep.")], url: Url = None) -> None:
    """Show a sweep and its trials."""
    client = _client(url)
    with _told():
        print_sweep(client.sweep(name), client.trials(name), Console())


def demo(
    file: Annotated[Path, typer.Argument(help="The sweep to run.")] = DEMO_DOCUMENT,
) -> None:
    """Serve, run a whole sweep, register its best model, and go on serving until Ctrl-C."""
    with _told():
        raise typer.Exit(demonstrate(file, Settings(), Console()))


def _watched(client: Client, name: str, console: Console) -> Json:
    try:
        return watch(client, name, console)
    except KeyboardInterrupt:
        typer.echo(f"\n{name} goes on; look again with: python -m app show {name}", err=True)
        raise typer.Exit(_INTERRUPTED) from None


def _client(url: str | None) -> Client:
    return Client(url or Settings().url)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is said in words, with the exit code for it."""
    try:
        yield
    except ClientError as error:
        typer.echo(f"sweepfront: {error}", err=True)
        raise typer.Exit(REFUSED if error.refused else 1) from error
