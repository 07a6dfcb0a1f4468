"""Times by the database's own clock, the one that all services share.

All are seconds since 1970.
"""

from sqlalchemy import ColumnElement, Float, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class clock(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """What the clock says; on PostgreSQL it goes on under a statement that waits for others."""

    type = Float()
    inherit_cache = True


@compiles(clock, "postgresql")
def _postgres_clock(*_: object, **__: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


class clock_at_start(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """What the clock said as the statement came: an index can be asked by it, unlike by `clock`.

    What others wrote while the statement waited for them may lie ahead of it.
    """

    type = Float()
    inherit_cache = True


@compiles(clock_at_start, "postgresql")
def _postgres_clock_at_start(*_: object, **__: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) AS DOUBLE PRECISION)"


@compiles(clock, "sqlite")
@compiles(clock_at_start, "sqlite")
def _sqlite_clock(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


class epoch(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """A column of times, to the millisecond; a datetime of each would cost more."""

    type = Float()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _sqlite_epoch(element: epoch, compiler: SQLCompiler, **_: object) -> str:
    return f"((julianday({compiler.process(element.clauses)}) - 2440587.5) * 86400.0)"


@compiles(epoch, "postgresql")
def _postgres_epoch(element: epoch, compiler: SQLCompiler, **_: object) -> str:
    return f"CAST(EXTRACT(EPOCH FROM {compiler.process(element.clauses)}) AS DOUBLE PRECISION)"


def unheld(lease_until: ColumnElement[float | None], lease: float) -> ColumnElement[bool]:
    """True of what nobody holds.

    Args:
        lease_until: when the holder's lease ends; null: there is none.
        lease: seconds that a lease lasts at most; one of more than that is from before the clock
            was set back.
    """
    return or_(lease_until.is_(None), lease_until < clock(), lease_until > clock() + lease)
