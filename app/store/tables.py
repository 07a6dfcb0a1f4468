"""The rows of the database; they never leave this folder.

Declared with SQLModel, used as Core tables: a page of row objects costs more than its query.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

import app.store.audit_rows
import app.store.chore_rows
import app.store.webhook_rows  # noqa: F401 - likewise
from app.store.columns import NUMBERED_ONCE, Json, JsonObject, Row, Serial, Words


class SweepRow(Row, table=True):
    """A sweep; `due_at` and `lease_until` are seconds since 1970 by the database's clock.

    `due_at` is null once the sweep has finished. `token` rises with every claim.
    """

    __tablename__ = "sweeps"
    __table_args__ = (
        Index("ix_sweeps_listed", "archived", "created_at", "id"),
        Index("ix_sweeps_status", "status", "created_at", "id"),
        Index("ix_sweeps_experiment_name", "experiment_name", "created_at", "id"),
        Index("ix_sweeps_document_hash", "document_hash", "id"),
        Index("ix_sweeps_code", "code", "id"),
        Index("ix_sweeps_backend", "backend", "created_at", "id"),
        Index("ix_sweeps_project", "project", "created_at", "id"),
        Index(
            "ix_sweeps_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        NUMBERED_ONCE,
    )

    id: int = Field(primary_key=True, sa_type=Serial)
    name: str = Field(unique=True, sa_type=Words)
    archived: bool
    project: str | None = Field(sa_type=Words)
    created_by: str | None = Field(sa_type=Words)
    backend: str = Field(sa_type=Words)
    experiment_name: str = Field(sa_type=Words)
    primary_metric: str = Field(sa_type=Words)
    goal: str = Field(sa_type=Words)
    document: JsonObject = Field(sa_type=Json)
    document_hash: str = Field(sa_type=Words)
    request_id: str | None = Field(sa_type=Words)
    code: str | None = Field(sa_type=Words)
    inputs: JsonObject = Field(sa_type=Json)
    status: str = Field(sa_type=Words)
    status_reason: str | None = Field(sa_type=Words)
    provider_status: str | None = Field(sa_type=Words)
    provider_url: str | None = Field(sa_type=Words)
    trial_counts: JsonObject = Field(sa_type=Json)
    best_trial: JsonObject | None = Field(sa_type=Json)
    failed_alike: list[JsonObject] | None = Field(sa_type=Json)
    warnings: list[str] = Field(sa_type=Json)
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    archived_at: datetime | None
    artifacts_removed_at: datetime | None
    logs_removed_at: datetime | None
    metrics_thinned_at: datetime | None
    events_removed_at: datetime | None
    last_synced_at: datetime | None
    sync_error: str | None = Field(sa_type=Words)
    failures: int
    cancel_requested: bool
    wishes: list[JsonObject] | None = Field(sa_type=Json)
    resumes: int = Field(sa_column_kwargs={"server_default": "0"})
    cursor: str | None = Field(sa_type=Words)
    due_at: float | None
    lease_until: float | None
    lease_owner: str | None = Field(sa_type=Words)
    token: int = Field(sa_type=BigInteger)


class IdempotencyKeyRow(Row, table=True):
    """A caller's key for one request, and the sweep that the request made."""

    __tablename__ = "idempotency_keys"

    key: str = Field(primary_key=True, sa_type=Words)
    sweep_id: int = Field(foreign_key="sweeps.id", ondelete="CASCADE", index=True, sa_type=Serial)
    document_hash: str = Field(sa_type=Words)


class SweepTagRow(Row, table=True):
    """A tag as a digest: tags may be longer than what an index takes."""

    __tablename__ = "sweep_tags"

    digest: str = Field(primary_key=True, sa_type=Words)
    sweep_id: int = Field(
        primary_key=True,
        foreign_key="sweeps.id",
        ondelete="CASCADE",
        index=True,
        sa_type=Serial,
        sa_column_kwargs={"autoincrement": False},
    )


class TrialRow(Row, table=True):
    """A trial of a sweep as it stands."""

    __tablename__ = "trials"

    sweep_id: int = Field(
        primary_key=True,
        foreign_key="sweeps.id",
        ondelete="CASCADE",
        sa_type=Serial,
        sa_column_kwargs={"autoincrement": False},
    )
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    status: str = Field(sa_type=Words)
    status_reason: str | None = Field(sa_type=Words)
    objective_status: str = Field(sa_type=Words)
    objective_value: float | None
    last_value: float | None
    parameters: JsonObject = Field(sa_type=Json)
    metrics: JsonObject = Field(sa_type=Json)
    attempt: int
    inferred: bool
    provider_run_id: str | None = Field(sa_type=Words)
    provider_status: str | None = Field(sa_type=Words)
    exit_code: int | None = Field(sa_type=BigInteger)
    fingerprint: str | None = Field(sa_type=Words)
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None


class MetricRow(Row, table=True):
    """One report of a trial's latest attempt; ids rise in the order of arrival; null is NaN."""

    __tablename__ = "metrics"
    __table_args__ = (Index(None, "sweep_id", "trial", "id"), NUMBERED_ONCE)

    id: int = Field(primary_key=True, sa_type=Serial)
    sweep_id: int = Field(foreign_key="sweeps.id", ondelete="CASCADE", sa_type=Serial)
    trial: int
    attempt: int
    name: str = Field(sa_type=Words)
    interval: int
    step: int = Field(sa_type=BigInteger)
    value: float | None
    recorded_at: datetime


class DecisionRow(Row, table=True):
    """One entry of the early-termination ledger; `figures` are the numbers it rests on."""

    __tablename__ = "decisions"
    __table_args__ = (Index(None, "sweep_id", "trial", "id"), NUMBERED_ONCE)

    id: int = Field(primary_key=True, sa_type=Serial)
    sweep_id: int = Field(foreign_key="sweeps.id", ondelete="CASCADE", sa_type=Serial)
    trial: int
    attempt: int
    interval: int
    policy: str = Field(sa_type=Words)
    figures: JsonObject = Field(sa_type=Json)
    verdict: str = Field(sa_type=Words)
    reason: str = Field(sa_type=Words)
    too_late: bool
    recorded_at: datetime


class ModelVersionRow(Row, table=True):
    """A model version; its lineage names the sweep, which may have been purged since."""

    __tablename__ = "model_versions"
    __table_args__ = (
        UniqueConstraint("model_name", "version"),
        UniqueConstraint("model_name", "sweep", "trial"),
    )

    id: int = Field(primary_key=True, sa_type=Serial)
    model_name: str = Field(sa_type=Words)
    version: int
    sweep: str = Field(index=True, sa_type=Words)
    project: str | None = Field(sa_type=Words)
    trial: int
    backend: str = Field(sa_type=Words)
    provider_version: str = Field(sa_type=Words)
    artifact_path: str = Field(sa_type=Words)
    uri: str = Field(sa_type=Words)
    primary_metric: str = Field(sa_type=Words)
    goal: str = Field(sa_type=Words)
    value: float
    parameters: JsonObject = Field(sa_type=Json)
    metrics: JsonObject = Field(sa_type=Json)
    type: str = Field(sa_type=Words)
    tags: JsonObject = Field(sa_type=Json)
    description: str | None = Field(sa_type=Words)
    sha256: str | None = Field(sa_type=Words)
    gate: JsonObject | None = Field(sa_type=Json)
    created_at: datetime


class EventRow(Row, table=True):
    """Something that happened; ids rise in the order of commits."""

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "sweep", "id"),
        Index(
            "ix_events_project",
            "project",
            "id",
            sqlite_where=text("project IS NOT NULL"),
            postgresql_where=text("project IS NOT NULL"),
        ),
        NUMBERED_ONCE,
    )

    id: int = Field(primary_key=True, sa_type=Serial)
    type: str = Field(sa_type=Words)
    sweep: str | None = Field(sa_type=Words)
    project: str | None = Field(sa_type=Words)
    trial: int | None
    data: JsonObject = Field(sa_type=Json)
    at: datetime


class SigningKeyRow(Row, table=True):
    """A key that this service signs with."""

    __tablename__ = "signing_keys"

    name: str = Field(primary_key=True, sa_type=Words)
    key: str = Field(sa_type=Words)


METADATA = Row.metadata
SWEEPS = METADATA.tables["sweeps"]
IDEMPOTENCY_KEYS = METADATA.tables["idempotency_keys"]
SWEEP_TAGS = METADATA.tables["sweep_tags"]
TRIALS = METADATA.tables["trials"]
METRICS = METADATA.tables["metrics"]
DECISIONS = METADATA.tables["decisions"]
MODEL_VERSIONS = METADATA.tables["model_versions"]
EVENTS = METADATA.tables["events"]
SIGNING_KEYS = METADATA.tables["signing_keys"]
AUDIT = METADATA.tables["audit"]
CHORES = METADATA.tables["chores"]
WEBHOOKS = METADATA.tables["webhooks"]
WEBHOOK_DELIVERIES = METADATA.tables["webhook_deliveries"]
