"""What every command that speaks to a service has: the option for its address, and its errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from app.settings import read_settings
from sweepfront import Client, RefusedError, SweepfrontError

REFUSED = 2
"""Exit code when the service did not like the request."""

Url = Annotated[
    str | None,
    typer.Option(help="The service; default: SWEEPFRONT_URL, or http://127.0.0.1:8000."),
]


class CommandError(Exception):
    """A command cannot do what it should; the message is ready to be shown.

    Attributes:
        refused: the request or its files are at fault, not the service.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


def client_of(url: str | None) -> Client:
    """The service at that address, or at the one of the settings."""
    return Client(url or read_settings().url)


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong is said in words, with the exit code for it."""
    try:
        yield
    except CommandError as error:
        raise _exit(error, refused=error.refused) from error
    except SweepfrontError as error:
        raise _exit(error, refused=isinstance(error, RefusedError)) from error


def _exit(error: Exception, *, refused: bool) -> typer.Exit:
    typer.echo(f"sweepfront: {error}", err=True)
    return typer.Exit(REFUSED if refused else 1)
