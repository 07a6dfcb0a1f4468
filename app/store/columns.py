"""Types of columns: what SQLite and PostgreSQL hold alike."""

from sqlalchemy import JSON, BigInteger, Dialect, Integer, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

JsonObject = dict[str, object]
Json = JSON(none_as_null=True)
# SQLite numbers rows by itself only in a column declared INTEGER.
Serial = BigInteger().with_variant(Integer(), "sqlite")


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
