"""Procrastinate's queue, on PostgreSQL alone

Revision ID: 0006
Revises: 0005
"""

from alembic import op

from newsletter.db import queue_tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        queue_tables.bring_up(op.get_bind())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        queue_tables.take_away(op.get_bind())
