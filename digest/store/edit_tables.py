"""The tables of what was chosen and of what editors changed, beside those of `tables`; their migrations are one series."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table

from digest.store.columns import Id, Instant
from digest.store.tables import metadata

# What was chosen for an issue, before anybody edited it, as JSON; the edits are made on this anew when one is undone.
selections = Table(
    "selections",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("stories", JSON, nullable=False),
)

# What editors changed, move by move; one that was undone stays, as what happened does.
edits = Table(
    "edits",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("move", JSON, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("undone", Boolean, nullable=False),
)

# What a link that is about to be sent was found to be, for some minutes: the same issue is looked at again and again.
link_checks = Table(
    "link_checks",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("checked_at", Instant, nullable=False),
    Column("fault", JSON, nullable=False),
)
