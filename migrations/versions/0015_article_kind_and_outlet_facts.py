"""An Article says what it is, and an Outlet in which country it is, who owns it and whether a state runs it.

Articles stored before are taken for news. Of the Outlets nothing is known until the next gather reads the Catalogue.
Going back forgets both.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OUTLET_TEXTS = ("country", "lean_countries", "owner", "state_run_basis")


def upgrade() -> None:
    op.add_column("article", sa.Column("kind", sa.Text(), nullable=False, server_default="news"))
    op.create_index("ix_article_text_hash", "article", ["text_hash"])  # to know a piece again at another address
    for name in OUTLET_TEXTS:
        op.add_column("outlet", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("outlet", sa.Column("state_run", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for name in ("state_run", *OUTLET_TEXTS):
        op.drop_column("outlet", name)
    op.drop_index("ix_article_text_hash", table_name="article")
    op.drop_column("article", "kind")
