"""What all tables share: types of columns that SQLite and PostgreSQL hold alike, and their rows."""

from typing import ClassVar

from sqlalchemy import JSON, BigInteger, Dialect, Integer, MetaData, Text, TypeDecorator
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

JsonObject = dict[str, object]
Json = JSON(none_as_null=True)
# SQLite numbers rows by itself only in a column declared INTEGER.
Serial = BigInteger().with_variant(Integer(), "sqlite")
# Numbers of removed rows are not given out again: events and cursors rely on it.
NUMBERED_ONCE = {"sqlite_autoincrement": True}


class Words(TypeDecorator[str]):
    """Text of any origin; what PostgreSQL cannot hold (NUL, lone surrogates) is replaced.

    Messages of trials and backends end up here, and one odd character must not block a sweep.
    Compared character by character on every database, so that names sort alike.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Text, in PostgreSQL without the rules of a natural language."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(Text(collation=collation))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - named by the base class
        """The text as every database takes it."""
        if value is None:
            return None
        if value.isascii() and "\0" not in value:
            return str(value)
        return value.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


class Row(SQLModel):
    """Base of all rows."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
