"""From a decoded body to a document that keeps every rule of the language."""

from collections.abc import Mapping

from app.sweep.document import SweepDocument
from app.sweep.errors import InvalidDocumentError
from app.sweep.faults import read_body
from app.sweep.rules import broken_rules


def parse_document(body: Mapping[str, object]) -> SweepDocument:
    """Read a decoded body and hold it against every rule of the language.

    Raises:
        InvalidDocumentError: with one entry per fault, pointing into `body`.
    """
    document = read_body(SweepDocument, body)
    if broken := broken_rules(document):
        raise InvalidDocumentError(broken)
    return document
