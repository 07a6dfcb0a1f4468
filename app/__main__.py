"""The command line: serve, migrate, settings, engine, and the commands of `app.cli`."""

import os
import shutil
import socket
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from app.access.settings import LOOPBACK
from app.cli import commands
from app.settings import WrongSettingError, described, read_settings
from app.sweep.errors import SweepfrontError
from app.sweep.retention import in_words
from app.watching.redaction import redact

app = typer.Typer(
    help="Hyperparameter sweeps over HTTP.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
commands.add_to(app)

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that tells prometheus_client where the processes put their figures together."""


@app.command()
def serve(
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer; several on PostgreSQL only.")
    ] = 1,
) -> None:
    """Serve the HTTP API until Ctrl-C; settings are environment variables (see `settings`)."""
    settings = read_settings()
    if settings.host not in LOOPBACK and not settings.identifies:
        _refuse(
            f"SWEEPFRONT_HOST is {settings.host}, where others can call, and this service "
            f"identifies nobody: make a key with `python -m app keys new NAME` and set "
            "SWEEPFRONT_API_KEYS, or set SWEEPFRONT_ENTRA_TENANT_ID and _CLIENT_ID; or listen on "
            f"loopback: one of {', '.join(LOOPBACK)}"
        )
    if _taken(settings.host, settings.port):
        _refuse(f"port {settings.port} is in use; stop what listens there or set SWEEPFRONT_PORT")
    if workers > 1 and settings.records_url.startswith("sqlite"):
        _refuse(
            f"--workers {workers} needs PostgreSQL: SQLite is for one process, as it lets one write at "
            "a time and tells the others nothing; set SWEEPFRONT_DATABASE_URL=postgresql://... and "
            "run `python -m app migrate`, or serve with one worker"
        )
    # Looked at when prometheus_client is imported; the processes of the service count there.
    counts = None
    if METRICS_FOLDER not in os.environ:
        counts = Path(tempfile.mkdtemp(prefix="sweepfront-metrics-"))
        os.environ[METRICS_FOLDER] = str(counts)
    # The other commands start without these.
    from app.beside.keeping import fork  # noqa: PLC0415 - see above
    from app.main import create_app, create_worker  # noqa: PLC0415 - see above
    from app.opening import prepare  # noqa: PLC0415 - see above
    from app.serving import log_as_set  # noqa: PLC0415 - see above
    from app.serving import serve as serve_app  # noqa: PLC0415 - see above
    from app.workers import serve_workers  # noqa: PLC0415 - see above

    log_as_set(settings)
    try:
        prepare(settings)
    except SweepfrontError as error:
        if counts is not None:
            shutil.rmtree(counts)
        _refuse(error.message)
    if workers > 1:
        serve_workers(settings, workers, partial(create_worker, settings), counts)
    else:
        serve_app(create_app(settings, beside=fork(settings, counts)), settings)


@app.command()
def migrate(
    to: Annotated[
        str | None,
        typer.Option(help="A revision such as 0008, up or down; default: this version's own."),
    ] = None,
) -> None:
    """Create or upgrade the database's tables, or go back to those of an earlier version."""
    from app.store import database  # noqa: PLC0415 - the other commands start without it

    url = read_settings().records_url
    try:
        if to is None:
            database.migrate(url)
        else:
            before = database.migrate_to(url, to)
    except SweepfrontError as error:
        _refuse(error.message)
    if to is None or database.schema_is_current(url):
        typer.echo("the database is up to date")
    else:
        typer.echo(
            f"the database is at revision {to}; before: {before or 'no tables'}. Start the version "
            "that belongs to it now: this one needs a later revision"
        )


@app.command()
def retention(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Remove it.")] = False,
) -> None:
    """Count, or remove now, what is older than the RETAIN settings allow (see `settings`)."""
    from app.opening import retain  # noqa: PLC0415 - the other commands start without it
    from app.serving import log_as_set  # noqa: PLC0415 - likewise

    if dry_run == apply:
        _refuse("give one of --dry-run and --apply")
    given = read_settings()
    log_as_set(given.model_copy(update={"log_level": "warning"}))
    try:
        found = retain(given, dry_run=dry_run)
    except SweepfrontError as error:
        _refuse(error.message)
    if not found:
        typer.echo("nothing is to be removed: no setting RETAIN_..._DAYS is given")
        return
    table = Table("what", "of sweeps", "would be removed" if dry_run else "removed", "bytes")
    for part, tally in found.items():
        table.add_row(part, str(tally.sweeps), in_words(part, tally.items), str(tally.bytes))
    Console().print(table)


@app.command()
def settings() -> None:
    """List every setting with its default and meaning."""
    table = Table("variable", "default", "meaning")
    for row in described():
        table.add_row(*row)
    Console().print(table)


@app.command(hidden=True)
def engine(
    workspace: Annotated[Path, typer.Option(help="The engine's folder.")],
    slots: Annotated[int, typer.Option(help="Trials at once.")],
    grace: Annotated[float, typer.Option(help="Seconds between SIGTERM and SIGKILL.")],
    min_free_memory: Annotated[int, typer.Option(help="Bytes free before another trial starts.")],
    log_bytes: Annotated[int, typer.Option(help="Bytes kept of each log.")],
    trial_memory: Annotated[int | None, typer.Option(help="Bytes a trial may hold.")] = None,
    log_level: Annotated[str, typer.Option(help="The lowest level that is logged.")] = "info",
    log_format: Annotated[str, typer.Option(help="auto, json or pretty.")] = "auto",
) -> None:
    """Be the local engine of a workspace; the service starts it by itself."""
    from app.engine.limits import TrialLimits  # noqa: PLC0415 - the other commands start without it
    from app.engine.loop import run  # noqa: PLC0415 - likewise
    from app.watching import logs  # noqa: PLC0415 - likewise

    # MLflow makes its store in a hundred steps, each of which alembic tells.
    logs.configure(log_level, log_format, quiet=("alembic",))
    limits = TrialLimits(memory=trial_memory, log_bytes=log_bytes)
    code = run(workspace, slots=slots, grace=grace, min_free_memory=min_free_memory, limits=limits)
    raise typer.Exit(code)


def main() -> None:
    """Run a command."""
    # Before anything imports MLflow, which otherwise reports its use to its makers.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    try:
        app()
    except WrongSettingError as error:
        _refuse(error.message)


def _taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _refuse(words: str) -> NoReturn:
    typer.echo(f"sweepfront: {redact(words)}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
