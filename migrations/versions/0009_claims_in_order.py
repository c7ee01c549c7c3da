"""The claim's index orders by number too: where a hundred thousand Deliveries are due at the same moment, PostgreSQL would sort them all
at each claim.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_delivery_claim", table_name="delivery")
    op.create_index("ix_delivery_claim", "delivery", ["issue_id", "state", "due_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_delivery_claim", table_name="delivery")
    op.create_index("ix_delivery_claim", "delivery", ["issue_id", "state", "due_at"])
