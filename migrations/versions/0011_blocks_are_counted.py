"""The index of what went badly holds soft bounces too: a surge of blocks is counted at each of them"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("kind IN ('bounced', 'complained')")


def downgrade() -> None:
    _index("bounce = 'hard' OR kind = 'complained'")


def _index(which: str) -> None:
    op.drop_index("ix_delivery_event_bad", table_name="delivery_event")
    where = sa.text(which)
    op.create_index(
        "ix_delivery_event_bad", "delivery_event", ["delivery_id"], sqlite_where=where, postgresql_where=where
    )
