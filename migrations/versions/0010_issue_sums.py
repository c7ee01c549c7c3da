"""What became of past Issues is counted once and kept"""

import sqlalchemy as sa
from alembic import op

from newsletter.db import UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "issue_sum",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("summed_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name=op.f("fk_issue_sum_issue_id_issue"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_sum")),
        sa.UniqueConstraint("issue_id", name=op.f("uq_issue_sum_issue_id")),
    )


def downgrade() -> None:
    op.drop_table("issue_sum")
