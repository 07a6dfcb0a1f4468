"""`keys`: API keys for the settings, or for the file that the settings name."""

import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from app.access.callers import EVERY, Role
from app.access.keys import ApiKey
from app.cli.calls import REFUSED

keys = typer.Typer(help="API keys: make, list and take back.", no_args_is_help=True)

_ENTRIES = TypeAdapter(list[ApiKey])
_PRIVATE = 0o600
File = Annotated[
    Path,
    typer.Option(
        "--file", envvar="SWEEPFRONT_API_KEYS_FILE", help="The file of keys, a JSON list."
    ),
]


@keys.command()
def new(
    name: Annotated[str, typer.Argument(help="Whose it is, as the audit log will have it.")],
    role: Annotated[Role, typer.Option(help="What its owner may do.")] = Role.OPERATOR,
    project: Annotated[
        list[str] | None,
        typer.Option(help="For which project; may be said several times. Default: for all."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How long it is accepted.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", envvar="SWEEPFRONT_API_KEYS_FILE", help="Add its entry to this file of keys."
        ),
    ] = None,
) -> None:
    """Make an API key; it is shown once, its entry goes into the settings.

    To change a key without a break: make another one of the same name, use it, take the old one
    back.
    """
    from app.identity.key_ring import entry_text, new_key  # noqa: PLC0415 - the others need it not

    ends = None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    try:
        key, entry = new_key(name, dict.fromkeys(project or [EVERY], role), expires_at=ends)
    except ValidationError as error:
        _refuse(f"{name!r} is no name for a key: {error.errors()[0]['msg']}")
    if file is None:
        typer.echo(f"the key, shown only now: {key}", err=True)
        typer.echo("its entry, for the list in SWEEPFRONT_API_KEYS:", err=True)
        typer.echo(entry_text(entry))
        return
    _write(file, [*_read(file), entry])
    typer.echo(f"added the key {entry.id} to {file}; the key itself, shown only now:", err=True)
    typer.echo(key)


@keys.command("list")
def show(file: File) -> None:
    """List the keys of a file."""
    table = Table("id", "name", "role by project", "ends")
    for entry in _read(file):
        grants = ", ".join(f"{project}: {role.value}" for project, role in entry.grants.items())
        ends = "" if entry.expires_at is None else f"{entry.expires_at:%Y-%m-%d}"
        table.add_row(entry.id, entry.name, grants, f"{ends} (over)" if entry.expired else ends)
    Console().print(table)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Its id: what stands after sf_ in the key.")],
    file: File,
) -> None:
    """Take a key of a file back; services that read the file refuse it within a second or so."""
    entries = _read(file)
    left = [entry for entry in entries if entry.id != key_id]
    if len(left) == len(entries):
        _refuse(f"{file} has no key {key_id!r}; `keys list --file {file}` lists them")
    _write(file, left)
    typer.echo(f"took the key {key_id} back")


def _read(file: Path) -> list[ApiKey]:
    if not file.exists():
        return []
    try:
        return _ENTRIES.validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        _refuse(f"{file} is no list of API keys: {error}")


def _write(file: Path, entries: list[ApiKey]) -> None:
    """All or nothing: a service may be reading it."""
    plain = [entry.model_dump(mode="json", exclude_none=True) for entry in entries]
    mode = file.stat().st_mode & 0o777 if file.exists() else _PRIVATE
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w") as text:
        json.dump(plain, text, indent=2)
        text.write("\n")
    Path(draft).chmod(mode)
    Path(draft).replace(file)


def _refuse(words: str) -> NoReturn:
    typer.echo(f"sweepfront: {words}", err=True)
    raise typer.Exit(REFUSED)
