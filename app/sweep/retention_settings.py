"""The settings of how long things are kept."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from app.sweep.retention import Terms

Days = Annotated[float | None, Field(gt=0, le=36_500)]


class RetentionSettings(BaseModel):
    """What the settings say of artifacts, logs, reports, events and archived sweeps."""

    retention: Literal["off", "dry-run", "on"] = Field(
        "off",
        description="Whether what is older than the RETAIN settings say is removed, once an hour; "
        "dry-run: only tell in the log what would be.",
    )
    retain_artifacts_days: Days = Field(
        None,
        description="Days after its end for which a sweep's artifacts are kept; empty: for ever. "
        "Registered models are kept anyway.",
    )
    retain_logs_days: Days = Field(
        None, description="Likewise, what its trials printed; empty: for ever."
    )
    retain_metrics_days: Days = Field(
        None,
        description="Days after which reports are thinned to RETAIN_METRICS_POINTS; empty: never.",
    )
    retain_metrics_points: int = Field(
        500,
        ge=10,
        le=100_000,
        description="Reports of a trial and metric that thinning leaves at most.",
    )
    retain_events_days: Days = Field(
        None, description="Days after its end for which a sweep's events are kept; empty: for ever."
    )
    retain_archived_days: Days = Field(
        None,
        description="Days after which archived sweeps are purged; empty: never. Their registered "
        "models stay.",
    )

    @field_validator(
        "retain_artifacts_days",
        "retain_logs_days",
        "retain_metrics_days",
        "retain_events_days",
        "retain_archived_days",
        mode="before",
    )
    @classmethod
    def _for_ever(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def retention_terms(self) -> Terms:
        """How long things are kept."""
        return Terms(
            artifacts=self.retain_artifacts_days,
            logs=self.retain_logs_days,
            metrics=self.retain_metrics_days,
            events=self.retain_events_days,
            archived=self.retain_archived_days,
            points=self.retain_metrics_points,
        )
