"""What retention has removed, when sweeps were archived, and who sees to the chores of all."""

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

import app.store.columns
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

_TIMES = (
    'archived_at',
    'artifacts_removed_at',
    'logs_removed_at',
    'metrics_thinned_at',
    'events_removed_at',
)


def upgrade() -> None:
    for name in _TIMES:
        op.add_column('sweeps', sa.Column(name, UTCDateTime(), nullable=True))
    op.create_table(
        'chores',
        sa.Column('name', app.store.columns.Words(), nullable=False),
        sa.Column('lease_owner', app.store.columns.Words(), nullable=True),
        sa.Column('lease_until', sa.Float(), nullable=True),
        sa.Column('done_at', sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_chores')),
    )
    op.create_index('ix_sweeps_backend', 'sweeps', ['backend', 'created_at', 'id'])


def downgrade() -> None:
    op.drop_index('ix_sweeps_backend', 'sweeps')
    op.drop_table('chores')
    for name in _TIMES:
        op.drop_column('sweeps', name)
