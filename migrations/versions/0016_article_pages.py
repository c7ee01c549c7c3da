"""Pages of Articles that were read, what their sites say about reading, and the licence in a Feed.

Nothing was read before. Going back forgets all of it.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

from newsletter.db import UTCDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "article_page",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("fetched_at", UTCDateTime(), nullable=False),
        sa.Column("not_before_at", UTCDateTime(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("models_allowed", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('read','walled','refused','failed')", name=op.f("ck_article_page_verdict")
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_article_page_article_id_article"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_page")),
        sa.UniqueConstraint("article_id", name=op.f("uq_article_page_article_id")),
    )
    op.create_index(op.f("ix_article_page_fetched_at"), "article_page", ["fetched_at"])
    op.create_table(
        "site_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("fetched_at", UTCDateTime(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_rule")),
        sa.UniqueConstraint("site", name=op.f("uq_site_rule_site")),
    )
    op.add_column("feed", sa.Column("licence", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("feed", "licence")
    op.drop_table("site_rule")
    op.drop_index(op.f("ix_article_page_fetched_at"), table_name="article_page")
    op.drop_table("article_page")
