"""Judging a document before it costs anything: what is wrong with it, and what is odd about it."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.backends.base import Backend
from app.code.roots import CodeError
from app.code.snapshots import CodeStore
from app.search.allowed import Allowance, allowance, misfit, nothing_allowed
from app.store import history
from app.store.database import Database
from app.sweep.advice import advise, advise_from
from app.sweep.data import DataInput
from app.sweep.document import BackendName, SweepDocument
from app.sweep.errors import FieldError, InvalidDocumentError
from app.sweep.faults import pointer
from app.sweep.parsing import parse_document
from app.sweep.record import Earlier
from app.sweep.sampling import MAX_SEED, logbase_of
from app.sweep.search_space import cardinality

_FOLDERS = ("uri_folder", "mltable", "mlflow_model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A document that may run.

    Attributes:
        complete: with everything filled in that its author left open, but for the name.
        document_hash: digest of the document as its author wrote it.
        code: digest of the trial's code as it is now; None: none is brought.
        inputs: absolute path of every input that is a local path.
        points: how many different points can be drawn; None: without end, or not counted.
        allowance: how much of the space its constraints allow; None without constraints.
        earlier: what earlier sweeps of the same code have shown.
        warnings: what is allowed and probably not meant.
    """

    complete: SweepDocument
    document_hash: str
    code: str | None
    inputs: Mapping[str, str]
    points: int | None
    allowance: Allowance | None
    earlier: Earlier
    warnings: Sequence[str]


def judge(
    db: Database,
    backends: Mapping[BackendName, Backend],
    code: CodeStore,
    body: Mapping[str, object],
    *,
    default_backend: BackendName,
) -> Judged:
    """Hold a decoded document against the language, its backend, the code and earlier sweeps.

    Nothing is stored and nothing is run.

    Raises:
        InvalidDocumentError: one entry per fault.
    """
    document = parse_document(body)
    backend_name = document.backend or default_backend
    backend = _backend(document, backends, backend_name)
    judgement = backend.judge(document)
    errors = [*_unsupported(document), *judgement.errors, *_constraints(document)]
    inputs = _inputs(document, code, errors)
    digest = _code_digest(document, code, errors)
    if errors:
        raise InvalidDocumentError(errors)
    limits = document.limits
    complete = document.completed(
        name=document.name,
        backend=backend_name,
        max_concurrent_trials=backend.default_concurrency(limits.max_total_trials),
        seed=secrets.randbelow(MAX_SEED + 1),
    )
    share = allowance(document) if document.constraints else None
    points = share.points if share else _cardinality(document)
    document_hash = document.digest()
    earlier, same = history.known(
        db,
        document_hash=document_hash,
        # What a registered asset holds is known to Azure only.
        code="" if document.trial.code_asset else digest,
        command=document.trial.command,
        metric=document.objective.primary_metric,
    )
    warnings = [*advise(complete, points), *_allowed(share), *judgement.warnings]
    return Judged(
        complete=complete,
        document_hash=document_hash,
        code=digest,
        inputs=inputs,
        points=points,
        allowance=share,
        earlier=earlier,
        warnings=[*warnings, *advise_from(document, earlier, same)],
    )


def _backend(
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
    }
    for key, value in given.items():
        if value:
            yield FieldError(
                pointer=f"/{key}",
                message=f"{key} is not supported by this version of the service; leave it out",
            )


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
        if fault := _unfit(given, path):
            errors.append(FieldError(pointer=where, message=fault, value=given.path))
        found[name] = str(path)
    return found


def _unfit(given: DataInput, path: Path) -> str | None:
    """Why a file or folder cannot be this input; models are either."""
    if given.type in _FOLDERS and not path.is_dir():
        return f"{given.path!r} is not a folder; use type: uri_file or another path"
    if given.type == "uri_file" and not path.is_file():
        return f"{given.path!r} is not a file; use type: uri_folder or another path"
    return None


def _constraints(document: SweepDocument) -> Iterator[FieldError]:
    """Constraints that make no sense of the space's values, or leave nothing of it."""
    if not document.constraints:
        return
    unfit = misfit(document)
    if unfit is not None:
        index, reason = unfit
        yield FieldError(
            pointer=pointer(("constraints", index)),
            message=f"{reason}; compare texts with == or in, and quote them",
            value=document.constraints[index],
        )
    elif nothing := nothing_allowed(document):
        yield FieldError(pointer="/constraints", message=f"{nothing}; loosen one of them")


def _code_digest(document: SweepDocument, code: CodeStore, errors: list[FieldError]) -> str | None:
    """The digest of the trial's code; why it cannot be used is added to `errors`."""
    if document.trial.code is None or document.trial.code_asset:
        return None
    if any(error.pointer.startswith("/trial/code") for error in errors):
        return None
    try:
        return code.digest(document.trial.code)
    except CodeError as error:
        errors.append(
            FieldError(pointer="/trial/code", message=error.message, value=document.trial.code)
        )
        return None


def _cardinality(document: SweepDocument) -> int | None:
    return cardinality(document.search_space, logbase_of(document.sampling_algorithm))


def _allowed(share: Allowance | None) -> Iterator[str]:
    if share is None:
        return
    percent = f"{100 * share.fraction:.3g} %"
    if share.points is None:
        yield (
            f"the constraints allow about {percent} of the search space "
            f"(± {100 * share.error:.2g} %, estimated); only allowed points are drawn"
        )
    else:
        yield (
            f"the constraints allow {share.points} points, {percent} of the search space; "
            "only these are drawn"
        )
