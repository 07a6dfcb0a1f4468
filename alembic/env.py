"""Runs migrations in the caller's transaction.

By hand, for a database elsewhere than the service's own start-up finds it:
`alembic -x url=sqlite:///FILE upgrade head`.
"""

from sqlalchemy import text
from sqlalchemy.engine import Connection

from alembic import context
from app.store.database import exclusive
from app.store.engines import parse_url
from app.store.tables import METADATA


def _run(connection: Connection) -> None:
    # Batches rebuild a table, which is how SQLite alters one.
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    if connection.dialect.name == "sqlite":
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        if broken:
            raise RuntimeError(f"the migration broke foreign keys: {broken[:5]}")


def _main() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _run(connection)
        return
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not isinstance(url, str):
        raise SystemExit("name the database: alembic -x url=sqlite:///FILE ...")
    with exclusive(parse_url(url)) as own_connection:
        _run(own_connection)


_main()
