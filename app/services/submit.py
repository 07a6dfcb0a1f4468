"""Submitting a sweep: judge everything first, then write one row; nothing runs inside a request."""

import secrets
from collections.abc import Iterator, Mapping

from app.backends.base import Backend
from app.code.roots import CodeError
from app.code.snapshots import CodeStore
from app.store import sweeps
from app.store.database import Database
from app.sweep.advice import advise
from app.sweep.document import BackendName, DataInput, SweepDocument
from app.sweep.errors import FieldError, InvalidDocumentError
from app.sweep.faults import pointer
from app.sweep.parsing import parse_document
from app.sweep.record import NewSweep, SweepRecord
from app.sweep.sampling import MAX_SEED


def submit(
    db: Database,
    backends: Mapping[BackendName, Backend],
    code: CodeStore,
    body: Mapping[str, object],
    *,
    default_backend: BackendName,
    idempotency_key: str | None,
    request_id: str,
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

    Returns:
        The sweep, and False when it was there already.

    Raises:
        InvalidDocumentError: one entry per fault; nothing is stored then.
        ConflictError: the name is taken by another document.
        IdempotencyMismatchError: the key was used with another document.
    """
    document = parse_document(body)
    backend_name = document.backend or default_backend
    backend = _judge_backend(document, backends, backend_name)
    judgement = backend.judge(document)
    errors = [*_unsupported(document), *judgement.errors]
    inputs = _inputs(document, code, errors)
    if errors:
        raise InvalidDocumentError(errors)
    limits = document.limits
    complete = document.completed(
        name=document.name or f"sweep-{secrets.token_hex(5)}",
        backend=backend_name,
        max_concurrent_trials=backend.default_concurrency(limits.max_total_trials),
        seed=secrets.randbelow(MAX_SEED + 1),
    )
    new = NewSweep(
        document=complete,
        document_hash=document.digest(),
        code=_snapshot(document, code),
        inputs=inputs,
        warnings=[*advise(document), *judgement.warnings],
        idempotency_key=idempotency_key,
        request_id=request_id,
    )
    return sweeps.add(db, new)


def _judge_backend(
    document: SweepDocument, backends: Mapping[BackendName, Backend], name: BackendName
) -> Backend:
    """The backend of that name, if it is configured."""
    backend = backends.get(name)
    if backend is None:
        known = ", ".join(sorted(backends))
        fault = FieldError(
            pointer="/backend",
            message=f"the backend {name} is not configured here; use one of: {known}",
            value=name,
        )
        raise InvalidDocumentError([*_unsupported(document), fault])
    return backend


def _unsupported(document: SweepDocument) -> Iterator[FieldError]:
    """Keys of the language that nothing here acts on: refused, never passed over."""
    given = {
        "canary": document.canary,
        "continue_from": document.continue_from,
        "constraints": document.constraints,
    }
    for key, value in given.items():
        if value:
            yield FieldError(
                pointer=f"/{key}",
                message=f"{key} is not supported by this version of the service; leave it out",
            )


def _snapshot(document: SweepDocument, code: CodeStore) -> str | None:
    if document.trial.code is None or document.trial.code_asset:
        return None
    try:
        return code.snapshot(document.trial.code)
    except CodeError as error:
        fault = FieldError(pointer="/trial/code", message=error.message, value=document.trial.code)
        raise InvalidDocumentError([fault]) from error


def _inputs(document: SweepDocument, code: CodeStore, errors: list[FieldError]) -> dict[str, str]:
    """The absolute path of every local input; what cannot be used is added to `errors`."""
    found = {}
    for name, given in document.inputs.items():
        if not isinstance(given, DataInput) or given.remote:
            continue
        where = pointer(("inputs", name, "path"))
        if any(error.pointer.startswith(pointer(("inputs", name))) for error in errors):
            continue
        try:
            path = code.resolve(given.path)
        except CodeError as error:
            errors.append(FieldError(pointer=where, message=error.message, value=given.path))
            continue
        wanted = path.is_dir() if given.type == "uri_folder" else path.is_file()
        if not wanted:
            kind, other = (
                ("folder", "uri_file") if given.type == "uri_folder" else ("file", "uri_folder")
            )
            errors.append(
                FieldError(
                    pointer=where,
                    message=f"{given.path!r} is not a {kind}; use type: {other} or another path",
                    value=given.path,
                )
            )
        found[name] = str(path)
    return found
