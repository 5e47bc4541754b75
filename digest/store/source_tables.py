"""The tables of how sources fare, beside those of `tables`; their migrations are one series."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, String, Table, Text

from digest.store.columns import Instant
from digest.store.tables import metadata

sources = Table(
    "sources",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("rules", String(64)),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_hash", String(64)),
    Column("asked_at", Instant),
    Column("good_at", Instant),
    Column("status", String(16), nullable=False),
    Column("error", Text),
    Column("found", Integer, nullable=False, default=0),
    # The address in the settings for which `moved_to` holds.
    Column("url", Text),
    # When a whole body last came; validators that are older are no longer believed.
    Column("body_since", Instant),
    Column("moved_to", Text),
    Column("moved_since", Instant),
    Column("next_check", Instant),
    Column("wish_s", Integer),
    # In a row; 0 after a good answer.
    Column("failures", Integer, nullable=False, default=0, server_default="0"),
    Column("failing_since", Instant),
    # When the editors were told that it fails.
    Column("told_at", Instant),
    # The numbers of items of its last good fetches, oldest first.
    Column("counts", JSON),
    # When an answer that did not come from hosts of ours all the way last named stories.
    Column("outside_at", Instant),
)

# Whoever has asked us to wait (429, Retry-After); obeyed by every process of the site.
cooldowns = Table(
    "cooldowns",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("until", Instant, nullable=False),
    Column("strikes", Integer, nullable=False),
)
