"""The environment of a trial, by name or written out: an image, with conda packages on top."""

from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Field, Tag

from app.sweep.part import Part
from app.sweep.search_space import kind_of


def _no_build(_: object) -> None:
    raise ValueError(
        "is not built by this service; build and register the environment once "
        "(az ml environment create --build-context ...) and name it: azureml:NAME:VERSION"
    )


class InlineEnvironment(Part):
    """What Azure ML makes an environment of; the keys are those of its environment YAML."""

    image: Annotated[str | None, Field(min_length=1, max_length=1000)] = None
    """The Docker image; Azure ML needs one."""
    conda_file: dict[str, object] | str | None = None
    """The content of a conda environment file; on local also the name of one in the code or under a
    code root. `submit` of the command line writes a file out that lies relative to the document.
    """
    description: Annotated[str | None, Field(max_length=10_000)] = None
    """What it is for."""
    tags: Annotated[dict[str, str] | None, Field(max_length=100)] = None
    """Words to find it by."""
    build: Annotated[None, BeforeValidator(_no_build, json_schema_input_type=None)] = None
    """Not taken: register the environment instead."""


Environment = Annotated[
    Annotated[str, Field(max_length=1000), Tag("constant")]
    | Annotated[InlineEnvironment, Tag("object")],
    Discriminator(kind_of),
]
