"""The time zone of a subscriber, and what else decides before a freeze when her mail may leave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("timezone", sa.String(64)))
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "quotas",
        sa.Column("issue_id", number, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name="fk_quotas_issue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issue_id", "day", name="pk_quotas"),
    )
    op.create_table(
        "houses",
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("house", sa.String(255), nullable=False),
        sa.Column("looked_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_houses"),
    )
