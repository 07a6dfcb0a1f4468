"""Rows of webhooks and of what was sent to them."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field

from app.store.columns import NUMBERED_ONCE, Json, Row, Serial, Words


class WebhookRow(Row, table=True):
    """Where events are sent to; `held_until` and `lease_until` are seconds since 1970.

    Events up to number `position` are queued. `token` rises with every claim.
    """

    __tablename__ = "webhooks"
    __table_args__ = (NUMBERED_ONCE,)

    id: int = Field(primary_key=True, sa_type=Serial)
    url: str = Field(sa_type=Words)
    secret: str = Field(sa_type=Words)
    old_secret: str | None = Field(sa_type=Words)
    old_secret_until: datetime | None
    event_types: list[str] | None = Field(sa_type=Json)
    sweep: str | None = Field(sa_type=Words)
    project: str | None = Field(sa_type=Words)
    created_by: str | None = Field(sa_type=Words)
    description: str | None = Field(sa_type=Words)
    active: bool
    disabled_reason: str | None = Field(sa_type=Words)
    position: int = Field(sa_type=BigInteger)
    created_at: datetime
    delivered_at: datetime | None
    attended_at: datetime | None
    held_until: float | None
    lease_until: float | None
    lease_owner: str | None = Field(sa_type=Words)
    token: int = Field(sa_type=BigInteger)


class WebhookDeliveryRow(Row, table=True):
    """A message to a receiver; `due_at`, in seconds since 1970, is 0 before the first attempt."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(None, "webhook_id", "id"),
        Index(
            "ix_webhook_deliveries_pending",
            "webhook_id",
            "due_at",
            "id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        NUMBERED_ONCE,
    )

    id: int = Field(primary_key=True, sa_type=Serial)
    webhook_id: int = Field(foreign_key="webhooks.id", ondelete="CASCADE", sa_type=Serial)
    message_id: str = Field(sa_type=Words)
    event_id: int | None = Field(sa_type=BigInteger)
    type: str = Field(sa_type=Words)
    status: str = Field(sa_type=Words)
    attempts: int
    due_at: float
    last_attempt_at: datetime | None
    response_status: int | None
    response_body: str | None = Field(sa_type=Words)
    error: str | None = Field(sa_type=Words)
    created_at: datetime
    finished_at: datetime | None
