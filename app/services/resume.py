"""Going on, or not: a sweep within raised limits, a trial as its next attempt, or ended alone."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from app.access.callers import Role
from app.access.permission import hold
from app.access.quotas import Quotas, quota_of
from app.backends.base import Backend, backend_of
from app.store import audit, reopen, sweeps, trials
from app.store.database import Database
from app.sweep.document import (
    MAX_CONCURRENT_TRIALS,
    MAX_TOTAL_TRIALS,
    BackendName,
    Limits,
    Seconds,
)
from app.sweep.errors import ConflictError, FieldError, InvalidDocumentError
from app.sweep.part import Part
from app.sweep.record import Resumption, SweepRecord
from app.sweep.state import Trial


class RaisedLimits(Part):
    """Limits from now on; those that are left out stay as they are."""

    max_total_trials: Annotated[int | None, Field(ge=1, le=MAX_TOTAL_TRIALS)] = None
    """How many trials run at most, those that have run included."""
    max_concurrent_trials: Annotated[int | None, Field(ge=1, le=MAX_CONCURRENT_TRIALS)] = None
    """How many run at once."""
    timeout: Seconds | None = None
    """Seconds from now after which the sweep is canceled."""
    trial_timeout: Seconds | None = None
    """Seconds after which a trial fails."""


class ResumeRequest(Part):
    """The body of a resumption; all of it may be left out."""

    limits: RaisedLimits = RaisedLimits()
    """Raised limits."""


def resume(
    db: Database,
    backends: Mapping[BackendName, Backend],
    name: str,
    request: ResumeRequest,
    quotas: Quotas,
) -> SweepRecord:
    """Let a finished sweep go on; the tracker tells its backend.

    Raises:
        NotFoundError: there is none of that name.
        ForbiddenError: the caller is no operator of its project.
        QuotaExceededError: the project would use more than it may.
        ConflictError: it has not finished, or its backend cannot go on with it.
        InvalidDocumentError: fewer trials than there are.
    """
    sweep = sweeps.get(db, name)
    hold(db.actor.caller, Role.OPERATOR, sweep.project)
    if not sweep.status.finished:
        raise ConflictError(
            f"The sweep {name!r} is {sweep.status}; only a finished one is resumed."
        )
    given = request.limits.model_dump(exclude_none=True)
    resumption = Resumption(
        nth=sweep.resumes + 1,
        limits=_limits(sweep).model_copy(update=given),
        time_renewed="timeout" in given,
    )
    _check(backends, sweep, resumption)
    there = sum(sweep.trial_counts.values())
    wanted = resumption.limits.max_total_trials
    if wanted < there:
        fault = FieldError(
            pointer="/limits/max_total_trials",
            message=f"the sweep has {there} trials already; give at least {there}",
            value=wanted,
        )
        raise InvalidDocumentError([fault])
    return reopen.resume(db, name, resumption, quota_of(quotas, sweep.project))


def retry(db: Database, backends: Mapping[BackendName, Backend], name: str, number: int) -> Trial:
    """Let a finished trial run again; the tracker tells its backend.

    Raises:
        NotFoundError: no such sweep or trial.
        ForbiddenError: the caller is no operator of its project.
        ConflictError: it has not finished, or its backend cannot run it again.
    """
    trials.get(db, name, number)
    hold(db.actor.caller, Role.OPERATOR, sweeps.get(db, name).project)
    _check(backends, sweeps.get(db, name), None)
    return reopen.retry(db, name, number)


def cancel_trial(
    db: Database, backends: Mapping[BackendName, Backend], name: str, number: int
) -> Trial:
    """End one trial; the sweep goes on without it.

    Raises:
        NotFoundError: no such sweep or trial.
        ForbiddenError: the caller is no operator of its project.
        ConflictError: it has ended.
        BackendError: the backend could not be told.
    """
    trial = trials.get(db, name, number)
    sweep = sweeps.get(db, name)
    hold(db.actor.caller, Role.OPERATOR, sweep.project)
    if trial.status.finished:
        raise ConflictError(f"Trial {number} is {trial.status} already.")
    backend = backend_of(backends, sweep.backend)
    audit.note_call(db, "trial.cancel", name, project=sweep.project, details={"trial": number})
    backend.cancel_trial(name, number)
    return trial


def _check(
    backends: Mapping[BackendName, Backend], sweep: SweepRecord, resumption: Resumption | None
) -> None:
    backend = backends.get(sweep.backend)
    if backend is None:
        raise ConflictError(f"The backend {sweep.backend} is not configured here any more.")
    reason = backend.cannot_go_on(sweep.name, resumption)
    if reason is not None:
        raise ConflictError(f"The sweep {sweep.name!r} cannot go on: {reason}.")


def _limits(sweep: SweepRecord) -> Limits:
    return Limits.model_validate(sweep.document["limits"])
