"""What is known of a story's article: minutes, wall, other links; when a source last spoke by other people's hosts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column of type INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("stories", sa.Column("minutes", sa.Integer(), nullable=True))
    op.add_column("stories", sa.Column("walled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("issue_stories", sa.Column("minutes", sa.Integer(), nullable=True))
    op.add_column("sources", sa.Column("outside_at", sa.DateTime(), nullable=True))
    # Nobody wrote down who had a say in what is there; so nothing of it opens a door inside.
    op.execute("UPDATE sources SET outside_at = good_at")
    op.create_table(
        "aliases",
        sa.Column("link_key", sa.Text(), nullable=False),
        sa.Column("story_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["story_id"], ["stories.id"], name="fk_aliases_story_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("link_key", name="pk_aliases"),
    )
    op.create_index("ix_aliases_story_id", "aliases", ["story_id"])
