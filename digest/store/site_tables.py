"""The tables of the site itself, beside those of `tables`: who may push, who left, which copy of the database this is.

Their migrations are one series with the others.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from digest.store.columns import Instant
from digest.store.tables import metadata

# Who may push stories. The key itself is nowhere: key_hash is its SHA-256 in hexadecimal.
api_keys = Table(
    "api_keys",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
)

# One row, counted up whenever somebody leaves: a sender that reads it every second knows when it has to look again.
departures = Table(
    "departures",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("counter", BigInteger, nullable=False),
)

# One row: which database this is, where it lay when that was last looked at, and how often senders have taken something on.
# The last is kept in var/ too, so that a copy that was put back shows by its older count.
lineage = Table(
    "lineage",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("site", String(32), nullable=False),
    Column("place", String(64), nullable=False),
    Column("generation", BigInteger, nullable=False),
    # Until when somebody else may have sent what this copy knows nothing of.
    Column("put_back_at", Instant),
)
