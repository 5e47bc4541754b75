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
