"""Rows of the chores that one of all services sees to at a time."""

from sqlmodel import Field

from app.store.columns import Row, Words


class ChoreRow(Row, table=True):
    """A chore; times are seconds since 1970 by the database's clock."""

    __tablename__ = "chores"

    name: str = Field(primary_key=True, sa_type=Words)
    lease_owner: str | None = Field(sa_type=Words)
    lease_until: float | None
    done_at: float | None
