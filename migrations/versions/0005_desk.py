"""Checks carry remedies, Issues keep their revisions, and addresses of articles are looked at"""

import sqlalchemy as sa
from alembic import op

from newsletter.db import UTCDateTime

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('issue', schema=None) as batch_op:
        batch_op.add_column(sa.Column('unlinked', sa.JSON(), nullable=False, server_default='[]'))
    with op.batch_alter_table('check', schema=None) as batch_op:
        batch_op.add_column(sa.Column('remedies', sa.JSON(), nullable=False, server_default='[]'))
    op.create_table('issue_revision',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('issue_id', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('made_at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('said', sa.JSON(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['issue_id'], ['issue.id'], name=op.f('fk_issue_revision_issue_id_issue'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_issue_revision')),
    sa.UniqueConstraint('issue_id', 'revision', name=op.f('uq_issue_revision_issue_id_revision'))
    )
    op.create_table('link_look',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('article_id', sa.Integer(), nullable=False),
    sa.Column('looked_at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['article_id'], ['article.id'], name=op.f('fk_link_look_article_id_article'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_link_look')),
    sa.UniqueConstraint('article_id', name=op.f('uq_link_look_article_id'))
    )


def downgrade() -> None:
    op.drop_table('link_look')
    op.drop_table('issue_revision')
    with op.batch_alter_table('check', schema=None) as batch_op:
        batch_op.drop_column('remedies')
    with op.batch_alter_table('issue', schema=None) as batch_op:
        batch_op.drop_column('unlinked')
