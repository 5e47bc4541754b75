"""Indexes for what is asked every second, and for what one subscriber was sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CLAIMED = sa.text("state = 'claimed'")


def upgrade() -> None:
    op.create_index("ix_deliveries_subscriber_id", "deliveries", ["subscriber_id"])
    op.create_index("ix_messages_worker", "messages", ["worker"])
    for table in ("deliveries", "messages"):
        op.create_index(f"ix_{table}_lease", table, ["lease"], sqlite_where=CLAIMED, postgresql_where=CLAIMED)
