"""Rows of the audit log."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from app.store.columns import NUMBERED_ONCE, Json, JsonObject, Row, Serial, Words


class AuditRow(Row, table=True):
    """Who did what; the database refuses to change or remove a row."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_project", "project", "id"), NUMBERED_ONCE)

    id: int = Field(primary_key=True, sa_type=Serial)
    at: datetime
    actor: str = Field(sa_type=Words)
    kind: str = Field(sa_type=Words)
    source: str | None = Field(sa_type=Words)
    request_id: str | None = Field(sa_type=Words)
    action: str = Field(sa_type=Words)
    target: str | None = Field(sa_type=Words)
    project: str | None = Field(sa_type=Words)
    document_hash: str | None = Field(sa_type=Words)
    details: JsonObject = Field(sa_type=Json)
