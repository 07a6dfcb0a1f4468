"""The commands that speak to a running service."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
