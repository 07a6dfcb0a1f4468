"""Projects, who did what, and the audit log, which only grows."""

import sqlalchemy as sa
import sqlmodel

import app.store.columns
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_WORDS = app.store.columns.Words
_REFUSAL = 'the audit log only grows'


def upgrade() -> None:
    for table in ('sweeps', 'webhooks'):
        op.add_column(table, sa.Column('project', _WORDS(), nullable=True))
        op.add_column(table, sa.Column('created_by', _WORDS(), nullable=True))
    for table in ('events', 'model_versions'):
        op.add_column(table, sa.Column('project', _WORDS(), nullable=True))
    op.create_table(
        'audit',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column('actor', _WORDS(), nullable=False),
        sa.Column('kind', _WORDS(), nullable=False),
        sa.Column('source', _WORDS(), nullable=True),
        sa.Column('request_id', _WORDS(), nullable=True),
        sa.Column('action', _WORDS(), nullable=False),
        sa.Column('target', _WORDS(), nullable=True),
        sa.Column('project', _WORDS(), nullable=True),
        sa.Column('document_hash', _WORDS(), nullable=True),
        sa.Column('details', sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
        sqlite_autoincrement=True,
    )
    _fill()
    op.create_index('ix_sweeps_project', 'sweeps', ['project', 'created_at', 'id'])
    op.create_index('ix_audit_project', 'audit', ['project', 'id'])
    op.create_index(
        'ix_events_project',
        'events',
        ['project', 'id'],
        sqlite_where=sa.text('project IS NOT NULL'),
        postgresql_where=sa.text('project IS NOT NULL'),
    )
    _only_grows()


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP TRIGGER audit_only_grows ON audit')
        op.execute('DROP FUNCTION audit_only_grows()')
    op.drop_index('ix_events_project', 'events')
    op.drop_index('ix_audit_project', 'audit')
    op.drop_index('ix_sweeps_project', 'sweeps')
    op.drop_table('audit')
    # In place: a table that SQLite makes anew would give out numbers of removed rows again.
    for table in ('model_versions', 'events'):
        op.drop_column(table, 'project')
    for table in ('webhooks', 'sweeps'):
        op.drop_column(table, 'created_by')
        op.drop_column(table, 'project')


def _fill() -> None:
    """Sweeps belong to the project of their tag, and what is about them does."""
    if op.get_bind().dialect.name == 'postgresql':
        tag = "document -> 'tags' ->> 'project'"
    else:
        tag = "json_extract(document, '$.tags.project')"
    op.execute(f'UPDATE sweeps SET project = {tag}')
    for table in ('events', 'model_versions'):
        op.execute(
            f'UPDATE {table} SET project = (SELECT s.project FROM sweeps s WHERE s.name = '
            f'{table}.sweep) WHERE sweep IN (SELECT name FROM sweeps WHERE project IS NOT NULL)'
        )


def _only_grows() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(
            'CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS '
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
        )
        op.execute(
            'CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit '
            'FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()'
        )
        return
    for verb in ('UPDATE', 'DELETE'):
        op.execute(
            f'CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit '
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
