"""From a decoded body to a document that keeps every rule of the language."""

from collections.abc import Mapping

from pydantic import ValidationError

from app.sweep.document import SweepDocument
from app.sweep.errors import InvalidDocumentError
from app.sweep.faults import faults
from app.sweep.rules import broken_rules


def parse_document(body: Mapping[str, object]) -> SweepDocument:
    """Read a decoded body and hold it against every rule of the language.

    Raises:
        InvalidDocumentError: with one entry per fault, pointing into `body`.
    """
    try:
        document = SweepDocument.model_validate(body)
    except ValidationError as error:
        raise InvalidDocumentError(faults(error, body, SweepDocument)) from error
    if broken := broken_rules(document):
        raise InvalidDocumentError(broken)
    return document
