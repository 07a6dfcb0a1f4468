"""The commands that keep a copy of everything: backup and restore."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.calls import REFUSED
from app.settings import Settings, read_settings
from app.sweep.errors import SweepfrontError

_PIPE = "-"
DataDir = Annotated[
    Path | None, typer.Option(help="The service's data folder; default: SWEEPFRONT_DATA_DIR.")
]


def backup(
    file: Annotated[Path, typer.Argument(help="A new .tar.gz; - for standard output.")],
    data_dir: DataDir = None,
) -> None:
    """Back up the data folder and its database, while the service works or not.

    The archive holds everything that is needed to go on, secrets of webhooks included. Records on
    PostgreSQL are no part of it: dump that database first, then run this.

    Exit code: 2 if there is nothing to back up, or the file exists.
    """
    from app.backup.taking import open_target, take  # noqa: PLC0415 - the other commands start without it

    settings = _settings(data_dir)
    with _told():
        if str(file) == _PIPE:
            taken = take(settings, sys.stdout.buffer, settings.data_dir)
        else:
            with open_target(file, settings.data_dir) as target:
                try:
                    taken = take(settings, target, file.absolute().parent)
                except BaseException:
                    file.unlink()
                    raise
        for name, reason in taken.left_out.items():
            typer.echo(f"left out: {name}: {reason}", err=True)
        typer.echo(f"{taken.files} files, {taken.sweeps} local sweeps", err=True)
        if not taken.records:
            typer.echo(
                "the records are on PostgreSQL and no part of this file; they must be of an earlier "
                "moment: `pg_dump --format=custom` first, this command second",
                err=True,
            )


def restore(
    file: Annotated[Path, typer.Argument(help="A backup; - for standard input.")],
    data_dir: DataDir = None,
) -> None:
    """Restore a backup into an empty data folder, before a service is started there.

    Exit code: 2 if there is something already, or the file is damaged, of a newer version, or no
    backup; nothing is changed then.
    """
    from app.backup.restoring import restore as put_back  # noqa: PLC0415 - likewise

    settings = _settings(data_dir)
    with _told():
        if str(file) == _PIPE:
            about = put_back(settings, sys.stdin.buffer)
        else:
            with file.open("rb") as source:
                about = put_back(settings, source)
        typer.echo(f"restored {settings.data_dir.absolute()} as it was at {about.taken_at}")
        if about.records == "postgresql":
            typer.echo("its records belong to it: `pg_restore` the dump that was taken with it")


def _settings(data_dir: Path | None) -> Settings:
    found = read_settings()
    return found if data_dir is None else found.model_copy(update={"data_dir": data_dir})


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except SweepfrontError as error:
        words = error.message
    except OSError as error:
        words = f"{error.filename or 'the archive'}: {error.strerror or error}"
    else:
        return
    typer.echo(f"sweepfront: {words}", err=True)
    raise typer.Exit(REFUSED)
