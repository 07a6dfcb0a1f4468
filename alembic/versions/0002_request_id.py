"""The id of the request that submitted a sweep."""

import sqlalchemy as sa

import app.store.columns
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('sweeps', sa.Column('request_id', app.store.columns.Words(), nullable=True))


def downgrade() -> None:
    op.drop_column('sweeps', 'request_id')
