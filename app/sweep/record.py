"""What is written down of sweeps and models: the values that store, services and API exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from app.sweep.document import BackendName, Limits, SweepDocument
from app.sweep.failure import FailureGroup
from app.sweep.state import Parameters, SweepStatus, TrialStatus

TrialCounts = Mapping[TrialStatus, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSweep:
    """A sweep about to be written down.

    Attributes:
        document: complete (name, backend, seed and concurrency set).
        document_hash: digest of the document as its author wrote it.
        code: digest of the code snapshot; None when the command needs none.
        inputs: absolute path of every input that is a local path.
        idempotency_key: the caller's key for this request, if any.
        request_id: of the request that submitted it, as logs and Azure's tags know it.
        project: whose it is; None: nobody's in particular.
        nameless: its author gave it no name, and the one it has was drawn from very many.
    """

    document: SweepDocument
    document_hash: str
    code: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    idempotency_key: str | None = None
    request_id: str | None = None
    project: str | None = None
    nameless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A sweep as it is handed to a backend; the same name means the same sweep.

    Attributes:
        document: normalised, complete: name, backend, seed and concurrency are set.
        document_hash: digest of the document as its author wrote it.
        code: folder with the snapshot of the trial's code; None when it needs none.
        inputs: absolute path of every input that is a local path.
        python: the interpreter of its own environment; None: the backend's.
    """

    name: str
    document: SweepDocument
    document_hash: str
    code: Path | None = None
    inputs: Mapping[str, Path] = field(default_factory=dict)
    python: Path | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """A finished sweep goes on.

    Attributes:
        nth: which resumption of this sweep it is, from 1; asking for the same twice is harmless.
        limits: all limits from now on.
        time_renewed: `limits.timeout` counts from now; otherwise from where it counted before.
    """

    kind: Literal["resume"] = "resume"
    nth: int
    limits: Limits
    time_renewed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrial:
    """A finished trial runs again, as that attempt; asking for the same twice is harmless."""

    kind: Literal["retry"] = "retry"
    number: int
    attempt: int


Wish = Resumption | Retrial
"""What somebody asked for and the backend has yet to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BestTrial:
    """The best trial as a sweep's summary shows it."""

    number: int
    objective_value: float
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRecord:
    """A sweep as it is written down; times are aware UTC.

    Attributes:
        document: the normalised document as plain JSON values.
        trial_counts: how many trials stand in each state; absent states count zero.
        failures: the failed trials, put together by what they failed of.
        resumes: how often it was resumed.
        last_synced_at: when the backend was last heard; `sync_error` why it is not now.
        project: whose it is: the tag `project`; None: nobody's in particular.
        created_by: name of the caller who submitted it.
        artifacts_removed_at: when retention removed what trials had left behind until then;
            likewise logs, reports but for some, and events.
    """

    name: str
    document: Mapping[str, object]
    document_hash: str
    backend: BackendName
    code: str | None
    inputs: Mapping[str, str]
    status: SweepStatus
    status_reason: str | None
    provider_status: str | None
    provider_url: str | None
    trial_counts: TrialCounts
    best_trial: BestTrial | None
    failures: Sequence[FailureGroup] = ()
    resumes: int = 0
    warnings: Sequence[str]
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    last_synced_at: datetime | None
    sync_error: str | None
    archived: bool
    request_id: str | None
    project: str | None = None
    created_by: str | None = None
    artifacts_removed_at: datetime | None = None
    logs_removed_at: datetime | None = None
    metrics_thinned_at: datetime | None = None
    events_removed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """An earlier sweep of the same document, as it stands."""

    name: str
    status: SweepStatus
    best_trial: BestTrial | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What earlier sweeps of the same code and command have shown; empty when there were none.

    Attributes:
        sweeps: their names, the newest first.
        durations: seconds that each of their completed trials took.
        reports: how often each of those trials reported the primary metric.
    """

    sweeps: Sequence[str] = ()
    durations: Sequence[float] = ()
    reports: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to look at one sweep until the lease ends; writes without the token are refused.

    Attributes:
        sweep: the record at the moment of the claim.
        token: fencing number, higher with every claim of this sweep.
        cursor: what the backend's last look returned.
        cancel_requested: somebody asked for the sweep's end and the backend was not told yet.
        wishes: what else somebody asked for, in that order; asked for before the end was.
        failures: looks that failed in a row.
    """

    sweep: SweepRecord
    token: int
    cursor: str | None
    cancel_requested: bool
    wishes: Sequence[Wish]
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A registered model version with its lineage; `project` is that of its sweep."""

    model_name: str
    version: int
    sweep: str
    trial: int
    backend: BackendName
    provider_version: str
    artifact_path: str
    uri: str
    primary_metric: str
    goal: Literal["minimize", "maximize"]
    value: float
    parameters: Parameters
    metrics: Mapping[str, float]
    type: str
    tags: Mapping[str, str]
    description: str | None
    sha256: str | None
    gate: Mapping[str, object] | None
    created_at: datetime
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, numbered in the order of its commit."""

    id: int
    type: str
    sweep: str | None
    project: str | None = None
    data: Mapping[str, object]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What charts need of a trial; `objective` is finite or None, `duration` seconds."""

    number: int
    status: TrialStatus
    attempt: int
    objective: float | None
    parameters: Parameters = field(default_factory=dict)
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFilter:
    """Which sweeps a list shows; None means any.

    `tag` is a (key, value) pair, `search` a part of the name or of the experiment's.
    """

    status: SweepStatus | None = None
    backend: BackendName | None = None
    experiment_name: str | None = None
    tag: tuple[str, str] | None = None
    search: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    created_by: str | None = None
