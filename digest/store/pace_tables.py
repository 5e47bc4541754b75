"""Tables of pace: destinations, places in their rows, what the breaker counts, the days' quotas, who takes a
domain's mail. Queries: destinations, breakers, quotas, houses."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Float, ForeignKey, Integer, String, Table

from digest.store.columns import Id, Instant
from digest.store.tables import metadata

# A limit, set or earned, that all senders share: of the relay ("*"), or of a recipient domain.
destinations = Table(
    "destinations",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("rate", Float, nullable=False),
    Column("slow_rate", Float),
    Column("slow_base", Float),
    Column("slow_since", Instant),
    Column("due", Instant),
    Column("plan", BigInteger, nullable=False),
)

# Deliveries that wait for their turn at a destination; a row goes when the mail does.
places = Table(
    "places",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("subscriber_id", Id, primary_key=True),
    Column("plan", BigInteger, nullable=False, index=True),
    Column("at", Instant, nullable=False),
)

# recent: the last results, a letter each (model/breaker). tripped: how many of them were too many; the issue is about to
# be paused. behind: how many wait for the first cohort; None once it is through.
breakers = Table(
    "breakers",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("recent", String(200), nullable=False),
    Column("tripped", Integer),
    Column("behind", Integer),
)

# How many mails of an issue are to leave on which day, where its newsletter warms up.
quotas = Table(
    "quotas",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("planned", Integer, nullable=False),
)

# Who takes a recipient domain's mail: the registrable domain of its first MX, or itself.
houses = Table(
    "houses",
    metadata,
    Column("domain", String(255), primary_key=True),
    Column("house", String(255), nullable=False),
    Column("looked_at", Instant, nullable=False),
)

# Mails in doubt that were sent again by themselves: once, and no more.
resent = Table(
    "resent",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("subscriber_id", Id, primary_key=True),
)
