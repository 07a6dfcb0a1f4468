"""Submission by the page, as `POST /v1/sweeps` does it."""

import secrets
from collections.abc import Mapping

from app.parts import State
from app.services.submit import submit


def submitted(parts: State, body: Mapping[str, object]) -> str:
    """Submit a decoded document; the name of the sweep, of one that was there already too.

    Raises:
        InvalidDocumentError: one entry per fault; nothing is stored then.
        ConflictError: the name is taken by another document.
    """
    record, fresh = submit(
        parts.db,
        parts.backends,
        parts.code,
        body,
        default_backend=parts.settings.default_backend,
        idempotency_key=None,
        request_id=f"dashboard-{secrets.token_hex(8)}",
        quotas=parts.settings.quotas,
    )
    if fresh:
        parts.attendant.wake(record.name)
    return record.name
