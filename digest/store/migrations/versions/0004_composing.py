"""Sections, other sources and factors of an issue's stories; what was chosen and what editors changed; checked links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column of type INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("issue_stories", sa.Column("section", sa.Text(), nullable=False, server_default=""))
    op.add_column("issue_stories", sa.Column("also", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("issue_stories", sa.Column("factors", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "selections",
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("stories", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name="fk_selections_issue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issue_id", name="pk_selections"),
    )
    op.create_table(
        "edits",
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("move", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name="fk_edits_issue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issue_id", "number", name="pk_edits"),
    )
    op.create_table(
        "link_checks",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("checked_at", sa.DateTime(), nullable=False),
        sa.Column("fault", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_link_checks"),
    )
