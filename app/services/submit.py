"""Submitting a sweep: judge everything first, then write one row; nothing runs inside a request."""

import secrets
from collections.abc import Mapping

from app.access.callers import Role
from app.access.permission import hold_somewhere, home
from app.access.quotas import Quotas, quota_of
from app.backends.base import Backend
from app.code.roots import CodeError
from app.code.snapshots import CodeStore
from app.services.judge import judge
from app.store import sweeps
from app.store.database import Database
from app.sweep.document import BackendName, SweepDocument
from app.sweep.errors import FieldError, InvalidDocumentError
from app.sweep.record import NewSweep, SweepRecord

PROJECT_TAG = "project"
"""The tag that says whose a sweep is."""


def submit(
    db: Database,
    backends: Mapping[BackendName, Backend],
    code: CodeStore,
    body: Mapping[str, object],
    *,
    default_backend: BackendName,
    idempotency_key: str | None,
    request_id: str,
    quotas: Quotas,
) -> tuple[SweepRecord, bool]:
    """Write a sweep down for the tracker to hand to its backend.

    Args:
        db: the records.
        backends: those that are configured.
        code: takes the snapshot of the trial's code.
        body: the decoded document.
        default_backend: who runs a document that names nobody.
        idempotency_key: the caller's key; the same key and document make one sweep.
        request_id: of the request that brought the document.
        quotas: of all projects.

    Returns:
        The sweep, and False when it was there already.

    Raises:
        ForbiddenError: the caller may not submit for the project of its tag.
        QuotaExceededError: the project would use more than it may.
        InvalidDocumentError: one entry per fault; nothing is stored then.
        ConflictError: the name is taken by another document.
        IdempotencyMismatchError: the key was used with another document.
    """
    hold_somewhere(db.actor.caller, Role.OPERATOR)
    judged = judge(db, backends, code, body, default_backend=default_backend)
    complete = judged.complete
    project = home(db.actor.caller, complete.tags.get(PROJECT_TAG), pointer=f"/tags/{PROJECT_TAG}")
    if project is not None:
        complete = complete.model_copy(update={"tags": {**complete.tags, PROJECT_TAG: project}})
    nameless = complete.name is None
    if nameless:
        complete = complete.model_copy(update={"name": f"sweep-{secrets.token_hex(5)}"})
    new = NewSweep(
        document=complete,
        document_hash=judged.document_hash,
        code=_snapshot(complete, code, judged.code),
        inputs=judged.inputs,
        warnings=judged.warnings,
        idempotency_key=idempotency_key,
        request_id=request_id,
        project=project,
        nameless=nameless,
    )
    return sweeps.add(db, new, quota_of(quotas, project))


def _snapshot(document: SweepDocument, code: CodeStore, judged: str | None) -> str | None:
    """The digest of the snapshot: what was judged, if it is kept already, is not read again."""
    if document.trial.code is None or document.trial.code_asset:
        return None
    if judged is not None and code.has(judged):
        return judged
    try:
        return code.snapshot(document.trial.code)
    except CodeError as error:
        fault = FieldError(pointer="/trial/code", message=error.message, value=document.trial.code)
        raise InvalidDocumentError([fault]) from error
