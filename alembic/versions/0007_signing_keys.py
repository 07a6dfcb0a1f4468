"""Keys that links for frames are signed with."""

import sqlalchemy as sa

import app.store.columns
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'signing_keys',
        sa.Column('name', app.store.columns.Words(), nullable=False),
        sa.Column('key', app.store.columns.Words(), nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_signing_keys')),
    )


def downgrade() -> None:
    op.drop_table('signing_keys')
