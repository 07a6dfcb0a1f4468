"""Registering: pick the trial, pass the gate, have the backend register, write the version down."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.access.callers import Role
from app.access.permission import hold
from app.backends.base import (
    ArtifactNotFoundError,
    Backend,
    RegisteredVersion,
    Registration,
    backend_of,
)
from app.services.removed import check_artifacts
from app.store import models, sweeps, trials
from app.store.database import Database
from app.sweep.document import BackendName, Text
from app.sweep.errors import ConflictError
from app.sweep.part import Part
from app.sweep.record import ModelVersion, SweepRecord
from app.sweep.state import Goal, Trial, TrialStatus

_SHOWN_ARTIFACTS = 20


class Guard(Part):
    """A bound on one of the trial's metrics."""

    metric: Annotated[str, Field(min_length=1, max_length=250)]
    max: int | float | None = None
    min: int | float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.max is None) == (self.min is None):
            raise ValueError("give exactly one of max and min")
        return self


class Gate(Part):
    """What must hold for a registration; the comparison is with the model's newest version."""

    min_improvement: Annotated[
        int | float,
        Field(
            ge=0,
            description="How much better than the newest version the objective must be, in the "
            "direction of the goal; 0: no worse. A model's first version passes.",
        ),
    ] = 0.0
    guards: Annotated[list[Guard], Field(max_length=100)] = []


TagName = Annotated[
    str, Field(max_length=250, pattern=r"^[A-Za-z0-9_: -][\w.: -]*(/[A-Za-z0-9_: -][\w.: -]*)*$")
]
"""What MLflow's registry takes as the name of a tag."""


class RegisterRequest(Part):
    """The body of a registration; all of it may be left out."""

    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")] = "final_model"
    trial: Annotated[
        int | None, Field(ge=0, le=100_000, description="A completed trial; default: the best.")
    ] = None
    artifact_path: Annotated[str, Field(min_length=1, max_length=1000)] = "outputs/model.pkl"
    type: Literal["custom_model", "mlflow_model", "triton_model"] = "custom_model"
    description: Text | None = None
    tags: Annotated[
        dict[TagName, str],
        Field(max_length=100, json_schema_extra={"additionalProperties": False}),
    ] = {}
    gate: Gate | None = None


def register(
    db: Database,
    backends: Mapping[BackendName, Backend],
    name: str,
    request: RegisterRequest,
) -> tuple[ModelVersion, bool]:
    """Make a trial's artifact the next version of a model.

    Returns:
        The version, and False when the trial was that model's version before.

    Raises:
        NotFoundError: no such sweep or trial.
        ForbiddenError: the caller is no registrar of its project.
        RemovedError: retention has removed the artifact.
        ConflictError: no trial that can be registered, no such artifact, or the gate refuses.
        AbsentBackendError: the sweep's backend is not configured here.
        BackendError: the backend could not register.
    """
    sweep = sweeps.get(db, name)
    hold(db.actor.caller, Role.REGISTRAR, sweep.project)
    trial = _chosen(db, sweep, request)
    known = models.find(db, request.model_name, name, trial.number)
    if known is not None:
        return known, False
    objective = _objective(sweep)
    gate = _pass_gate(db, request, objective, trial)
    backend = backend_of(backends, sweep.backend)
    try:
        registered = backend.register(
            Registration(
                model_name=request.model_name,
                sweep=name,
                trial=trial.number,
                provider_run_id=trial.provider_run_id,
                artifact_path=request.artifact_path,
                type=request.type,
                description=request.description,
                tags=request.tags,
                lineage=_lineage(sweep, trial, objective),
            )
        )
    except ArtifactNotFoundError as error:
        check_artifacts(sweep, trial)
        there = [artifact.path for artifact in backend.artifacts(name, trial.number)]
        raise ConflictError(_missing(request, trial, there)) from error
    version = _version(sweep, trial, request, registered, gate)
    return models.add(db, version)


def _version(
    sweep: SweepRecord,
    trial: Trial,
    request: RegisterRequest,
    registered: RegisteredVersion,
    gate: dict[str, object] | None,
) -> ModelVersion:
    """What is written down; the records choose the version's number."""
    primary_metric, goal = _objective(sweep)
    return ModelVersion(
        model_name=request.model_name,
        version=0,
        sweep=sweep.name,
        trial=trial.number,
        backend=sweep.backend,
        provider_version=registered.version,
        artifact_path=request.artifact_path,
        uri=registered.uri,
        primary_metric=primary_metric,
        goal=goal,
        value=_value(trial),
        parameters=trial.parameters,
        metrics=trial.metrics,
        type=request.type,
        tags={**request.tags, **registered.lineage},
        description=request.description,
        sha256=registered.sha256,
        gate=gate,
        project=sweep.project,
        created_at=datetime.now(UTC),
    )


def _chosen(db: Database, sweep: SweepRecord, request: RegisterRequest) -> Trial:
    if request.trial is None:
        best = trials.best(db, sweep.name)
        if best is None:
            raise ConflictError(no_best(sweep))
        return best
    trial = trials.get(db, sweep.name, request.trial)
    if trial.status is not TrialStatus.COMPLETED:
        raise ConflictError(
            f"Trial {trial.number} is {trial.status}; only a completed trial can be registered."
        )
    if trial.objective_value is None:
        raise ConflictError(
            f"Trial {trial.number} reported no finite {_objective(sweep)[0]}; choose another trial."
        )
    return trial


def no_best(sweep: SweepRecord) -> str:
    """Why a sweep has no best trial."""
    completed = sweep.trial_counts.get(TrialStatus.COMPLETED, 0)
    metric = _objective(sweep)[0]
    if completed:
        return (
            f"The sweep {sweep.name!r} has no best trial: none of its {completed} completed trials "
            f"reported a finite {metric}; check that the script logs it with mlflow.log_metric."
        )
    reason = f" ({sweep.status_reason})" if sweep.status_reason else ""
    ending = "" if sweep.status.finished else "; wait for the first one to complete"
    return (
        f"The sweep {sweep.name!r} has no best trial: it is {sweep.status}{reason} and none of its "
        f"{sum(sweep.trial_counts.values())} trials has completed{ending}."
    )


def _objective(sweep: SweepRecord) -> tuple[str, Goal]:
    objective = sweep.document["objective"]
    if not isinstance(objective, Mapping):
        raise TypeError(f"the stored document of {sweep.name} has no objective")
    return str(objective["primary_metric"]), objective["goal"]


def _value(trial: Trial) -> float:
    if trial.objective_value is None:
        raise ValueError(f"trial {trial.number} has no objective value")
    return trial.objective_value


def _lineage(sweep: SweepRecord, trial: Trial, objective: tuple[str, Goal]) -> dict[str, str]:
    return {
        "sweepfront.sweep": sweep.name,
        "sweepfront.trial": str(trial.number),
        "sweepfront.parameters": json.dumps(dict(trial.parameters)),
        "sweepfront.primary_metric": objective[0],
        "sweepfront.goal": objective[1],
        "sweepfront.value": repr(trial.objective_value),
        "sweepfront.document_hash": sweep.document_hash,
    }


def _pass_gate(
    db: Database, request: RegisterRequest, objective: tuple[str, Goal], trial: Trial
) -> dict[str, object] | None:
    """What the gate compared; None without a gate.

    Raises:
        ConflictError: it refuses; `facts` has the comparison.
    """
    gate = request.gate
    if gate is None:
        return None
    newest = models.latest(db, request.model_name)
    refusals = _guard_refusals(gate.guards, trial)
    facts: dict[str, object] = {
        "min_improvement": gate.min_improvement,
        "value": trial.objective_value,
        "guards": [guard.model_dump(exclude_none=True) for guard in gate.guards],
    }
    if newest is not None:
        facts |= {"version": newest.version, "version_value": newest.value}
        if (newest.primary_metric, newest.goal) != objective:
            refusals.append(
                f"version {newest.version} was chosen to {newest.goal} {newest.primary_metric}, "
                f"this trial to {objective[1]} {objective[0]}: they cannot be compared"
            )
        else:
            change = _value(trial) - newest.value
            improvement = -change if objective[1] == "minimize" else change
            facts["improvement"] = improvement
            if improvement < gate.min_improvement:
                refusals.append(
                    f"{objective[0]} {trial.objective_value:g} improves on {newest.value:g} of "
                    f"version {newest.version} by {improvement:g}, less than {gate.min_improvement:g}"
                )
    if refusals:
        raise ConflictError(f"The gate refuses: {'; '.join(refusals)}.", facts={"gate": facts})
    return facts


def _guard_refusals(guards: Sequence[Guard], trial: Trial) -> list[str]:
    refusals = []
    for guard in guards:
        value = trial.metrics.get(guard.metric)
        if value is None:
            refusals.append(f"the trial has not logged {guard.metric}")
        elif guard.max is not None and not value <= guard.max:
            refusals.append(f"{guard.metric} {value:g} is above {guard.max:g}")
        elif guard.min is not None and not value >= guard.min:
            refusals.append(f"{guard.metric} {value:g} is below {guard.min:g}")
    return refusals


def _missing(request: RegisterRequest, trial: Trial, there: Sequence[str]) -> str:
    listed = ", ".join(there[:_SHOWN_ARTIFACTS]) or "none"
    return (
        f"Trial {trial.number} has no artifact {request.artifact_path!r}; its artifacts are: "
        f"{listed}. Name one of them as artifact_path."
    )
