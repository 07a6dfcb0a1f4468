"""The commands that speak to a running service, and the demonstration, which starts one."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.cli import documents
from app.cli.backups import backup, restore
from app.cli.calls import CommandError, Url, client_of, told
from app.cli.demo import DEMO_DOCUMENT, demonstrate
from app.cli.keys import keys
from app.cli.printing import print_outcome, print_sweep, print_sweeps
from app.cli.replay import replay
from app.settings import read_settings
from app.sweep import hyperdrive
from app.sweep.body import to_yaml
from sweepfront import SweepHandle
from sweepfront.client import SweepFilter

_INTERRUPTED = 130


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    for command in (submit, sweeps, show, replay, convert, demo, backup, restore):
        app.command()(command)
    app.add_typer(keys, name="keys")


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
    """Submit a sweep to a running service, with the local files that it names.

    trial.code, inputs and conda files that lie relative to the document are uploaded, as
    `az ml job create -f` does; code that is not there is left to the service's code roots.

    Exit code: 0 if the sweep was accepted (with --watch: completed), 1 if not, 2 if the document
    was refused.
    """
    client = client_of(url)
    with told():
        sweep = documents.submit(client, file, read_settings(), typer.echo)
        typer.echo(f"sweep {sweep.name}: {client.url}/v1/sweeps/{sweep.name}")
        for words in sweep.sweep.warnings:
            typer.echo(f"warning: {words}")
        if not (watch_it or register):
            return
        _watch(sweep)
        print_outcome(sweep.sweep, Console())
        if register and sweep.best is not None:
            version = sweep.register()
            typer.echo(f"registered {version.model_name} version {version.version}")
    if sweep.status != "completed":
        raise typer.Exit(1)


def sweeps(
    status: Annotated[str | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    url: Url = None,
) -> None:
    """List the newest sweeps."""
    with told():
        wanted: SweepFilter = {} if status is None else {"status": status}
        found = client_of(url).sweeps(limit=limit, **wanted)
        print_sweeps([handle.sweep for handle in found], Console())


def show(name: Annotated[str, typer.Argument(help="The sweep.")], url: Url = None) -> None:
    """Show a sweep and its trials."""
    with told():
        handle = client_of(url).sweep(name)
        print_sweep(handle.sweep, handle.trials(), Console())


def convert(
    file: Annotated[Path, typer.Argument(help="A HyperDrive configuration (SDK v1), JSON.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the document here.")
    ] = None,
) -> None:
    """Turn a HyperDrive configuration (SDK v1) into a sweep document, YAML.

    The document is printed, or written to a file with -o; what could not be carried over, and
    what is left to fill in, goes to standard error. Exit code: 2 if the configuration was refused.
    """
    with told():
        with documents.refused(str(file)):
            converted = hyperdrive.convert(documents.read(file))
        for note in converted.notes:
            typer.echo(f"note: {note}", err=True)
        text = to_yaml(converted.document)
        if output is None:
            typer.echo(text, nl=False)
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            words = f"{output} cannot be written: {error.strerror}"
            raise CommandError(words, refused=True) from error


def demo(
    file: Annotated[Path, typer.Argument(help="The sweep to run.")] = DEMO_DOCUMENT,
) -> None:
    """Serve, run a whole sweep, register its best model, and go on serving until Ctrl-C."""
    with told():
        raise typer.Exit(demonstrate(file, read_settings(), Console()))


def _watch(sweep: SweepHandle) -> None:
    try:
        sweep.wait()
    except KeyboardInterrupt:
        again = f"python -m app show {sweep.name}"
        typer.echo(f"\n{sweep.name} goes on; look again with: {again}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
