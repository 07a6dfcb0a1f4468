"""What a trial is given and what it leaves behind: inputs and outputs.

Keys and forms are those of https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep.
"""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from app.sweep.cloud import lower
from app.sweep.part import Part
from app.sweep.search_space import Scalar, kind_of

UPLOAD = "upload:"
"""How a path into something sent with POST /v1/code begins; the SHA-256 follows."""
_REMOTE = re.compile(r"azureml:|(https?|wasbs?|abfss?|adl)://")
"""Where data may lie that is not the service's; other paths are held against its code roots."""


class DataInput(Part):
    """A file, folder or asset handed to every trial."""

    type: Literal[
        "uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"
    ] = "uri_folder"
    """What it is; the local backend takes uri_file and uri_folder."""
    path: Annotated[str, Field(min_length=1, max_length=2000)]
    """File or folder under a code root, upload:<sha256>/PATH of POST /v1/code, the URL of a uri_file,
    or (Azure ML, or where the service knows a copy) azureml:... `submit` of the command line uploads what lies relative to the document.
    """
    mode: Annotated[
        Literal["ro_mount", "download", "direct", "eval_mount", "eval_download"] | None,
        BeforeValidator(lower),
    ] = None
    """How Azure ML brings it to the trial; no effect on the local backend."""
    datastore: str | None = None
    """Where Azure ML keeps a local path that is uploaded."""

    @property
    def remote(self) -> bool:
        """True for what lies in Azure or on the web: azureml:..., https://..., wasbs://..."""
        return _REMOTE.match(self.path) is not None


class LiteralInput(Part):
    """Azure's long form of a literal."""

    value: Scalar
    """The literal."""


def _literal(value: object) -> object:
    """{value: 3} is 3."""
    return value["value"] if isinstance(value, dict) and set(value) == {"value"} else value


AnyInput = Annotated[
    Annotated[Scalar, Tag("constant")] | Annotated[DataInput, Tag("object")],
    Discriminator(kind_of),
    BeforeValidator(_literal, json_schema_input_type=Scalar | DataInput | LiteralInput),
]


def _version(value: object) -> object:
    """A version is text; YAML reads 1 and 1.0 as numbers."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value


class Output(Part):
    """A folder or file that a trial leaves behind."""

    type: Literal[
        "uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"
    ] = "uri_folder"
    """What it is."""
    path: str | None = None
    """Where Azure ML puts it; its own choice when absent."""
    mode: Annotated[
        Literal["rw_mount", "mount", "upload", "direct"] | None, BeforeValidator(lower)
    ] = None
    """How Azure ML takes it from the trial; no effect on the local backend."""
    name: str | None = None
    """The asset that Azure ML registers it as."""
    version: Annotated[
        str | None,
        BeforeValidator(_version, json_schema_input_type=str | int | float | None),
    ] = None
    """The version of that asset."""


def _given(value: object) -> object:
    """An output that is only named (`model:`) has every default."""
    return {} if value is None else value


AnyOutput = Annotated[Output, BeforeValidator(_given, json_schema_input_type=Output | None)]
