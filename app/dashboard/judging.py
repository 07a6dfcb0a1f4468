"""The judgement of a document while it is written: what would happen, or what is wrong and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.parts import State
from app.services.preview import Preview, preview
from app.store import sweeps
from app.sweep.body import decode
from app.sweep.errors import (
    ConflictError,
    FieldError,
    InvalidDocumentError,
    NotFoundError,
    SweepfrontError,
    TooLargeError,
    UnreadableBodyError,
)
from app.sweep.places import lines_of
from app.sweep.sampling import GridSampling

FORESEEN = 10
"""Trials that a preview shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a person has to change, with its place if it has one; lines count from 1."""

    pointer: str
    message: str
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would happen.

    Attributes:
        preview: the service's own.
        seeded: the document has the seed that its trials are drawn with.
        known: a sweep of its name is there already.
    """

    preview: Preview
    seeded: bool
    known: bool


def read(parts: State, text: str) -> Mapping[str, object]:
    """The decoded document, as `POST /v1/sweeps` would read it.

    Raises:
        TooLargeError: it is longer than the service takes.
        UnreadableBodyError: it is no YAML, or no object.
        InvalidDocumentError: a value that no document can hold.
    """
    body = text.encode(errors="surrogatepass")
    if len(body) > (limit := parts.settings.max_body_bytes):
        raise TooLargeError(f"The document is longer than {limit} bytes; keep data in files.")
    return decode(body, "application/yaml")


def judged(parts: State, text: str) -> Foreseen:
    """What would happen if the text were submitted.

    Raises:
        SweepfrontError: why it would be refused; `faults_of` tells it in parts.
    """
    body = read(parts, text)
    found = preview(
        parts.db,
        parts.backends,
        parts.code,
        body,
        default_backend=parts.settings.default_backend,
        azure_request=parts.azure_request,
        count=FORESEEN,
    )
    sampling, name = body.get("sampling_algorithm"), found.document.name
    drawn = not isinstance(found.document.sampling_algorithm, GridSampling)
    return Foreseen(
        preview=found,
        seeded=not drawn or (isinstance(sampling, Mapping) and sampling.get("seed") is not None),
        known=name is not None and _is_there(parts, name),
    )


def _is_there(parts: State, name: str) -> bool:
    try:
        sweeps.get(parts.db, name)
    except NotFoundError:
        return False
    return True


def faults_of(error: SweepfrontError, text: str) -> Sequence[Fault]:
    """Why a text was refused, fault by fault, in the order of its lines."""
    match error:
        case InvalidDocumentError():
            found = error.errors
        case ConflictError():
            found = (FieldError(pointer="/name", message=error.message),)
        case UnreadableBodyError():
            return [Fault(pointer="", message=error.message, line=error.line)]
        case _:
            return [Fault(pointer="", message=error.message, line=None)]
    lines = lines_of(text, [each.pointer for each in found])
    faults = [
        Fault(pointer=each.pointer, message=each.message, line=line)
        for each, line in zip(found, lines, strict=True)
    ]
    return sorted(faults, key=lambda fault: fault.line or 0)
