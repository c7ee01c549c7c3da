"""Corrections"""

import sqlalchemy as sa
from alembic import op

from newsletter.db import UTCDateTime  # noqa: F401

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('correction',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('issue_id', sa.Integer(), nullable=False),
    sa.Column('rendition', sa.Text(), nullable=True),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('html', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('content_hash', sa.Text(), nullable=False),
    sa.Column('approved_at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('approved_by', sa.Text(), nullable=False),
    sa.Column('owed', sa.Integer(), nullable=False),
    sa.Column('closed_at', UTCDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("rendition IN ('full','metered')", name=op.f('ck_correction_rendition')),
    sa.ForeignKeyConstraint(['issue_id'], ['issue.id'], name=op.f('fk_correction_issue_id_issue')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_correction'))
    )
    with op.batch_alter_table('correction', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_correction_issue_id'), ['issue_id'], unique=False)

    with op.batch_alter_table('notice', schema=None) as batch_op:
        batch_op.add_column(sa.Column('correction_id', sa.Integer(), nullable=True))
        batch_op.create_index('ix_notice_awaited', ['state', 'due_at'], unique=False, sqlite_where=sa.text('correction_id IS NULL'), postgresql_where=sa.text('correction_id IS NULL'))
        batch_op.create_index(batch_op.f('ix_notice_correction_id'), ['correction_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_notice_correction_id_correction'), 'correction', ['correction_id'], ['id'])



def downgrade() -> None:
    # The program before this knows no such Notice and would try to make it for ever.
    op.execute("DELETE FROM notice WHERE correction_id IS NOT NULL")
    with op.batch_alter_table('notice', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_notice_correction_id_correction'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_notice_correction_id'))
        batch_op.drop_index('ix_notice_awaited', sqlite_where=sa.text('correction_id IS NULL'), postgresql_where=sa.text('correction_id IS NULL'))
        batch_op.drop_column('correction_id')

    with op.batch_alter_table('correction', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_correction_issue_id'))

    op.drop_table('correction')
