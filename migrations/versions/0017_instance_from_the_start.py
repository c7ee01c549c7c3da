"""The row of Instance is there before the first mail, so that a copy made before that shares its mark with the original.

Its identity is empty until something is mailed. Going back deletes such a row.

Revision ID: 0017
Revises: 0016
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    row = sa.text(
        "INSERT INTO instance (id, mark, identity, high_water)"
        " SELECT 1, :mark, '', 0 WHERE NOT EXISTS (SELECT 1 FROM instance)"
    )
    op.get_bind().execute(row, {"mark": secrets.token_hex(8)})


def downgrade() -> None:
    op.execute("DELETE FROM instance WHERE identity = ''")
