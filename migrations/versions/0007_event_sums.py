"""DeliveryEvents older than 90 days are kept as daily sums.

Going back loses the sums: the events behind them are gone.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    large = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "delivery_event_sum",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("heard_on", sa.Date(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("bounce", sa.Text(), nullable=False),
        sa.Column("count", large, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_event_sum")),
        sa.UniqueConstraint(
            "heard_on", "about", "provider", "kind", "bounce", name=op.f("uq_delivery_event_sum_heard_on_about_provider_kind_bounce")
        ),
    )


def downgrade() -> None:
    op.drop_table("delivery_event_sum")
