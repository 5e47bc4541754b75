"""Limits that all senders share, the breaker's count, and what was sent again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "destinations",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("slow_rate", sa.Float()),
        sa.Column("slow_base", sa.Float()),
        sa.Column("slow_since", sa.DateTime()),
        sa.Column("due", sa.DateTime()),
        sa.Column("plan", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_destinations"),
    )
    tables: list[tuple[str, list[sa.Column[Any]], bool]] = [
        (
            "places",
            [sa.Column("plan", sa.BigInteger(), nullable=False), sa.Column("at", sa.DateTime(), nullable=False)],
            True,
        ),
        (
            "breakers",
            [
                sa.Column("recent", sa.String(200), nullable=False),
                sa.Column("tripped", sa.Integer()),
                sa.Column("behind", sa.Integer()),
            ],
            False,
        ),
        ("resent", [], True),
    ]
    for name, columns, key in tables:
        op.create_table(
            name,
            sa.Column("issue_id", number, nullable=False),
            *([sa.Column("subscriber_id", number, nullable=False)] if key else []),
            *columns,
            sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=f"fk_{name}_issue_id", ondelete="CASCADE"),
            sa.PrimaryKeyConstraint("issue_id", *(["subscriber_id"] if key else []), name=f"pk_{name}"),
        )
    op.create_index("ix_places_plan", "places", ["plan"])
