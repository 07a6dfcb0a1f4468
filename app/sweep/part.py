"""What all parts of a document share."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of a document: unknown keys are refused and types are kept as given.

    The text below a field is its description in the JSON Schema.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
