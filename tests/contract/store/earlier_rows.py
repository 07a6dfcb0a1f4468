"""Rows for the tables of any revision, written by somebody who knows only the columns of it."""

from datetime import datetime

from sqlalchemy import Column, Connection, DateTime, MetaData, Table, func, insert, select

from tests.contract.store.earlier_values import ROWS, Values

Rows = list[tuple[object, ...]]


def tables_at(connection: Connection) -> dict[str, Table]:
    """The tables as they are now, without those that the upgrades keep for themselves."""
    found = MetaData()
    found.reflect(connection)
    return {name: table for name, table in found.tables.items() if name != "alembic_version"}


def fill(connection: Connection, tables: dict[str, Table], start: int = 1) -> None:
    """Write rows into all of these tables, with a value in every column.

    Args:
        connection: to the database.
        tables: as somebody knows them who may know fewer columns than there are.
        start: number of the first of the three sweeps; later calls need others.
    """
    assert set(tables) <= set(ROWS), "write rows for the new table"
    for name, rows in ROWS.items():
        table = tables.get(name)
        if table is None:
            continue
        for row in rows(start):
            unknown = {column.name for column in table.c} - row.keys()
            assert not unknown, f"write values for {name}: {unknown}"
            values = {column.name: _stored(connection, column, row) for column in table.c}
            connection.execute(insert(table).values(**values))
        if connection.dialect.name == "postgresql" and "id" in table.c:
            counter = func.pg_get_serial_sequence(name, "id")
            newest = select(func.max(table.c.id)).scalar_subquery()
            connection.execute(select(func.setval(counter, newest)))


def content(connection: Connection, tables: dict[str, Table]) -> dict[str, Rows]:
    """All rows of these tables, in the order of their keys."""
    return {
        name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
        for name, table in tables.items()
    }


def _stored(connection: Connection, column: Column[object], row: Values) -> object:
    value = row[column.name]
    aware = connection.dialect.name == "postgresql"
    if isinstance(value, datetime) and isinstance(column.type, DateTime) and not aware:
        return value.replace(tzinfo=None)
    return value
