"""Finished sweeps go on, and failed trials are put together by what they failed of."""

import sqlalchemy as sa

import app.store.columns
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('sweeps', sa.Column('resumes', sa.Integer(), server_default='0', nullable=False))
    op.add_column('sweeps', sa.Column('wishes', app.store.columns.Json, nullable=True))
    op.add_column('sweeps', sa.Column('failed_alike', app.store.columns.Json, nullable=True))
    op.add_column('trials', sa.Column('fingerprint', app.store.columns.Words(), nullable=True))


def downgrade() -> None:
    op.drop_column('trials', 'fingerprint')
    op.drop_column('sweeps', 'failed_alike')
    op.drop_column('sweeps', 'wishes')
    op.drop_column('sweeps', 'resumes')
