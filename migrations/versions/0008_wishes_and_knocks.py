"""Wishes and knocks: what strangers ask for waits to be granted, and is counted by network for a day"""

import sqlalchemy as sa
from alembic import op

from newsletter.db import UTCDateTime

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('wish',
    sa.Column('id', NUMBER, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('hour', sa.Integer(), nullable=True),
    sa.Column('zone', sa.Text(), nullable=False),
    sa.Column('network', sa.Text(), nullable=True),
    sa.Column('came_from', sa.Text(), nullable=False),
    sa.Column('asked_at', UTCDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('signup','signin')", name=op.f('ck_wish_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_wish'))
    )
    op.create_index(op.f('ix_wish_asked_at'), 'wish', ['asked_at'])
    op.create_table('knock',
    sa.Column('id', NUMBER, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('network', sa.Text(), nullable=False),
    sa.Column('wider', sa.Text(), nullable=False),
    sa.Column('at', UTCDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_knock'))
    )
    op.create_index('ix_knock_network', 'knock', ['kind', 'network', 'at'])
    op.create_index('ix_knock_wider', 'knock', ['kind', 'wider', 'at'])


def downgrade() -> None:
    op.drop_table('knock')
    op.drop_table('wish')
