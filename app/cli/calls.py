"""What every command that speaks to a service has: the option for its address, and its errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from app.cli.client import Client, ClientError
from app.settings import read_settings

REFUSED = 2
"""Exit code when the service did not like the request."""

Url = Annotated[
    str | None,
    typer.Option(help="The service; default: SWEEPFRONT_URL, or http://127.0.0.1:8000."),
]


def client_of(url: str | None) -> Client:
    """The service at that address, or at the one of the settings."""
    return Client(url or read_settings().url)


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong is said in words, with the exit code for it."""
    try:
        yield
    except ClientError as error:
        typer.echo(f"sweepfront: {error}", err=True)
        raise typer.Exit(REFUSED if error.refused else 1) from error
