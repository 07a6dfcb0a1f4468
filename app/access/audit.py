"""Entries of the audit log, as they are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what.

    Attributes:
        id: rises with time.
        actor: the caller's name; `kind` says by what they were recognised.
        source: address that the request came from.
        action: what was done, `target` to what.
        document_hash: of the document that came with it.
        details: what else there is to know, plain JSON values.
    """

    id: int
    at: datetime
    actor: str
    kind: str
    source: str | None
    request_id: str | None
    action: str
    target: str | None
    project: str | None
    document_hash: str | None
    details: Mapping[str, object]
