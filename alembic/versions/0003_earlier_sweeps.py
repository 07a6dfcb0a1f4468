"""Sweeps are found by their document and by their code."""

from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_sweeps_document_hash', 'sweeps', ['document_hash', 'id'])
    op.create_index('ix_sweeps_code', 'sweeps', ['code', 'id'])


def downgrade() -> None:
    op.drop_index('ix_sweeps_code', 'sweeps')
    op.drop_index('ix_sweeps_document_hash', 'sweeps')
