"""Fewer indexes on the ledger, each of the rows asked for alone; who left lately; which copy of the database this is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WAITING = sa.text("state IN ('pending', 'deferred')")
HELD = sa.text("state IN ('claimed', 'uncertain')")
NOT_REACHED = sa.text("state IN ('deferred', 'failed', 'uncertain', 'skipped')")


def upgrade() -> None:
    for name in ("issue_id_state_not_before", "worker", "subscriber_id", "lease"):
        op.drop_index(f"ix_deliveries_{name}", "deliveries")
    # The lease of what was lost has run out; that of a claim alone is looked at from now on.
    op.execute("UPDATE deliveries SET lease = NULL WHERE state = 'uncertain'")
    _index("waiting", ["issue_id", "not_before", "subscriber_id"], WAITING)
    _index("held", ["worker", "lease"], HELD)
    _index("not_reached", ["issue_id", "state"], NOT_REACHED)
    op.create_table(
        "departures",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_departures"),
    )
    op.execute("INSERT INTO departures (id, counter) VALUES (1, 0)")
    op.create_table(
        "lineage",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("put_back_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_lineage"),
    )


def _index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(f"ix_deliveries_{name}", "deliveries", columns, sqlite_where=where, postgresql_where=where)
