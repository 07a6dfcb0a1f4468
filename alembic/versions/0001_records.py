"""Sweeps, trials, reports, decisions, models and events."""

import sqlalchemy as sa
import sqlmodel

import app.store.columns
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('events',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('type', app.store.columns.Words(), nullable=False),
    sa.Column('sweep', app.store.columns.Words(), nullable=True),
    sa.Column('data', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_events_sweep_id'), ['sweep', 'id'], unique=False)

    op.create_table('model_versions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('model_name', app.store.columns.Words(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('sweep', app.store.columns.Words(), nullable=False),
    sa.Column('trial', sa.Integer(), nullable=False),
    sa.Column('backend', app.store.columns.Words(), nullable=False),
    sa.Column('provider_version', app.store.columns.Words(), nullable=False),
    sa.Column('artifact_path', app.store.columns.Words(), nullable=False),
    sa.Column('uri', app.store.columns.Words(), nullable=False),
    sa.Column('primary_metric', app.store.columns.Words(), nullable=False),
    sa.Column('goal', app.store.columns.Words(), nullable=False),
    sa.Column('value', sa.Float(), nullable=False),
    sa.Column('parameters', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('metrics', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('type', app.store.columns.Words(), nullable=False),
    sa.Column('tags', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('description', app.store.columns.Words(), nullable=True),
    sa.Column('sha256', app.store.columns.Words(), nullable=True),
    sa.Column('gate', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('created_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_versions')),
    sa.UniqueConstraint('model_name', 'sweep', 'trial', name=op.f('uq_model_versions_model_name_sweep_trial')),
    sa.UniqueConstraint('model_name', 'version', name=op.f('uq_model_versions_model_name_version'))
    )
    with op.batch_alter_table('model_versions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_model_versions_sweep'), ['sweep'], unique=False)

    op.create_table('sweeps',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', app.store.columns.Words(), nullable=False),
    sa.Column('archived', sa.Boolean(), nullable=False),
    sa.Column('backend', app.store.columns.Words(), nullable=False),
    sa.Column('experiment_name', app.store.columns.Words(), nullable=False),
    sa.Column('primary_metric', app.store.columns.Words(), nullable=False),
    sa.Column('goal', app.store.columns.Words(), nullable=False),
    sa.Column('document', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('document_hash', app.store.columns.Words(), nullable=False),
    sa.Column('code', app.store.columns.Words(), nullable=True),
    sa.Column('inputs', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('status', app.store.columns.Words(), nullable=False),
    sa.Column('status_reason', app.store.columns.Words(), nullable=True),
    sa.Column('provider_status', app.store.columns.Words(), nullable=True),
    sa.Column('provider_url', app.store.columns.Words(), nullable=True),
    sa.Column('trial_counts', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('best_trial', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('warnings', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('created_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('submitted_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('started_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('finished_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('last_synced_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('sync_error', app.store.columns.Words(), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('cancel_requested', sa.Boolean(), nullable=False),
    sa.Column('cursor', app.store.columns.Words(), nullable=True),
    sa.Column('due_at', sa.Float(), nullable=True),
    sa.Column('lease_until', sa.Float(), nullable=True),
    sa.Column('lease_owner', app.store.columns.Words(), nullable=True),
    sa.Column('token', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sweeps')),
    sa.UniqueConstraint('name', name=op.f('uq_sweeps_name')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('sweeps', schema=None) as batch_op:
        batch_op.create_index('ix_sweeps_due_at', ['due_at'], unique=False, sqlite_where=sa.text('due_at IS NOT NULL'), postgresql_where=sa.text('due_at IS NOT NULL'))
        batch_op.create_index('ix_sweeps_experiment_name', ['experiment_name', 'created_at', 'id'], unique=False)
        batch_op.create_index('ix_sweeps_listed', ['archived', 'created_at', 'id'], unique=False)
        batch_op.create_index('ix_sweeps_status', ['status', 'created_at', 'id'], unique=False)

    op.create_table('decisions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sweep_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('trial', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('interval', sa.Integer(), nullable=False),
    sa.Column('policy', app.store.columns.Words(), nullable=False),
    sa.Column('figures', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('verdict', app.store.columns.Words(), nullable=False),
    sa.Column('reason', app.store.columns.Words(), nullable=False),
    sa.Column('too_late', sa.Boolean(), nullable=False),
    sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['sweep_id'], ['sweeps.id'], name=op.f('fk_decisions_sweep_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decisions')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('decisions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_decisions_sweep_id_trial_id'), ['sweep_id', 'trial', 'id'], unique=False)

    op.create_table('idempotency_keys',
    sa.Column('key', app.store.columns.Words(), nullable=False),
    sa.Column('sweep_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('document_hash', app.store.columns.Words(), nullable=False),
    sa.ForeignKeyConstraint(['sweep_id'], ['sweeps.id'], name=op.f('fk_idempotency_keys_sweep_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_idempotency_keys'))
    )
    with op.batch_alter_table('idempotency_keys', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idempotency_keys_sweep_id'), ['sweep_id'], unique=False)

    op.create_table('metrics',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sweep_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('trial', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('name', app.store.columns.Words(), nullable=False),
    sa.Column('interval', sa.Integer(), nullable=False),
    sa.Column('step', sa.BigInteger(), nullable=False),
    sa.Column('value', sa.Float(), nullable=True),
    sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['sweep_id'], ['sweeps.id'], name=op.f('fk_metrics_sweep_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_metrics')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('metrics', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_metrics_sweep_id_trial_id'), ['sweep_id', 'trial', 'id'], unique=False)

    op.create_table('sweep_tags',
    sa.Column('digest', app.store.columns.Words(), nullable=False),
    sa.Column('sweep_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(['sweep_id'], ['sweeps.id'], name=op.f('fk_sweep_tags_sweep_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('digest', 'sweep_id', name=op.f('pk_sweep_tags'))
    )
    with op.batch_alter_table('sweep_tags', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sweep_tags_sweep_id'), ['sweep_id'], unique=False)

    op.create_table('trials',
    sa.Column('sweep_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('status', app.store.columns.Words(), nullable=False),
    sa.Column('status_reason', app.store.columns.Words(), nullable=True),
    sa.Column('objective_status', app.store.columns.Words(), nullable=False),
    sa.Column('objective_value', sa.Float(), nullable=True),
    sa.Column('last_value', sa.Float(), nullable=True),
    sa.Column('parameters', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('metrics', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('inferred', sa.Boolean(), nullable=False),
    sa.Column('provider_run_id', app.store.columns.Words(), nullable=True),
    sa.Column('provider_status', app.store.columns.Words(), nullable=True),
    sa.Column('exit_code', sa.BigInteger(), nullable=True),
    sa.Column('queued_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('started_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('finished_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('duration_seconds', sa.Float(), nullable=True),
    sa.ForeignKeyConstraint(['sweep_id'], ['sweeps.id'], name=op.f('fk_trials_sweep_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('sweep_id', 'number', name=op.f('pk_trials'))
    )


def downgrade() -> None:
    op.drop_table('trials')
    with op.batch_alter_table('sweep_tags', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sweep_tags_sweep_id'))

    op.drop_table('sweep_tags')
    with op.batch_alter_table('metrics', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_metrics_sweep_id_trial_id'))

    op.drop_table('metrics')
    with op.batch_alter_table('idempotency_keys', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idempotency_keys_sweep_id'))

    op.drop_table('idempotency_keys')
    with op.batch_alter_table('decisions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_decisions_sweep_id_trial_id'))

    op.drop_table('decisions')
    with op.batch_alter_table('sweeps', schema=None) as batch_op:
        batch_op.drop_index('ix_sweeps_status')
        batch_op.drop_index('ix_sweeps_listed')
        batch_op.drop_index('ix_sweeps_experiment_name')
        batch_op.drop_index('ix_sweeps_due_at', sqlite_where=sa.text('due_at IS NOT NULL'), postgresql_where=sa.text('due_at IS NOT NULL'))

    op.drop_table('sweeps')
    with op.batch_alter_table('model_versions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_model_versions_sweep'))

    op.drop_table('model_versions')
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_events_sweep_id'))

    op.drop_table('events')
