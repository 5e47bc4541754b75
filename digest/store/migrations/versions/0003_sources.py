"""Sources: where they moved to, when they are asked next, how they have fared; and who has asked us to wait.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("url", sa.Text(), nullable=True))
    op.add_column("sources", sa.Column("body_since", sa.DateTime(), nullable=True))
    op.add_column("sources", sa.Column("moved_to", sa.Text(), nullable=True))
    op.add_column("sources", sa.Column("moved_since", sa.DateTime(), nullable=True))
    op.add_column("sources", sa.Column("next_check", sa.DateTime(), nullable=True))
    op.add_column("sources", sa.Column("wish_s", sa.Integer(), nullable=True))
    op.add_column("sources", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("sources", sa.Column("failing_since", sa.DateTime(), nullable=True))
    op.add_column("sources", sa.Column("told_at", sa.DateTime(), nullable=True))
    op.add_column("sources", sa.Column("counts", sa.JSON(), nullable=True))
    op.create_table(
        "cooldowns",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_cooldowns"),
    )
