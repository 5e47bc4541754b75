"""The tables, as SQLAlchemy Core metadata. Migrations are written by hand; a test holds that they give this very schema.

Instants are stored in UTC. Names of tables are the words of docs/architecture.md.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
)

from digest.store.columns import Id, Instant
from digest.store.states import HELD, NOT_REACHED, WAITING, in_states

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

stories = Table(
    "stories",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(64), nullable=False),
    Column("guid", Text),
    Column("link", Text, nullable=False),
    Column("link_key", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("title_key", Text, nullable=False),
    Column("teaser", Text, nullable=False),
    Column("image", Text),
    Column("language", String(35)),
    Column("topics", JSON, nullable=False),
    Column("published", Instant, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("minutes", Integer),
    Column("walled", Boolean, nullable=False, server_default=false()),
    Index("ix_stories_source_guid", "source", "guid"),
    Index("ix_stories_first_seen", "first_seen"),
    sqlite_autoincrement=True,  # edits know stories by number: that of a withdrawn one is never given again
)

# A story that several sources carry is stored once; who else carried it stands here.
sightings = Table(
    "sightings",
    metadata,
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("seen_at", Instant, nullable=False),
    Index("ix_sightings_source_seen_at", "source", "seen_at"),
)

# Other links of a story: those under which it was seen, and the one that its page calls its own.
aliases = Table(
    "aliases",
    metadata,
    Column("link_key", Text, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False),
    Index("ix_aliases_story_id", "story_id"),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Id, primary_key=True),
    Column("newsletter", String(64), nullable=False),
    Column("edition", String(16), nullable=False),
    Column("slot", Instant, nullable=False),
    Column("scheduled", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("subject", Text),
    Column("intro", Text, nullable=False, default=""),
    Column("created_at", Instant, nullable=False),
    Column("built_at", Instant),
    Column("approved_at", Instant),
    Column("not_before", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    UniqueConstraint("newsletter", "edition", "slot"),
    Index("ix_issues_state", "state"),
)

# A story as it stands in one issue; a copy, because an editor's change is for this issue only.
issue_stories = Table(
    "issue_stories",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("story_id", Id, nullable=False),
    Column("source", String(64), nullable=False),
    Column("guid", Text),
    Column("link", Text, nullable=False),
    Column("link_key", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_key", Text, nullable=False),
    Column("teaser", Text, nullable=False),
    Column("image", Text),
    Column("language", String(35)),
    Column("topics", JSON, nullable=False),
    Column("published", Instant, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("score", Float, nullable=False),
    Column("why", Text, nullable=False),
    Column("section", Text, nullable=False, server_default=""),
    Column("also", JSON, nullable=False, server_default="[]"),
    Column("factors", JSON, nullable=False, server_default="[]"),
    Column("minutes", Integer),
)

# The story memory: what an edition has carried. Unique: of two issues with one story, the later approval fails whole.
memory = Table(
    "memory",
    metadata,
    Column("newsletter", String(64), primary_key=True),
    Column("edition", String(16), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("value", Text, primary_key=True),
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_memory_issue_id", "issue_id"),
)

# What was approved, byte for byte but for the named slots; `content` is a model.issue.RenderedIssue as JSON.
snapshots = Table(
    "snapshots",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("content", JSON, nullable=False),
)

# Since when a newsletter's schedule holds: slots before that are nobody's promise.
timetable = Table(
    "timetable",
    metadata,
    Column("newsletter", String(64), primary_key=True),
    Column("edition", String(16), primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(320), nullable=False),
    Column("email_key", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False, default=""),
    Column("language", String(35)),
    Column("timezone", String(64)),
    Column("created_at", Instant, nullable=False),
    # Set when the address must not be mailed at all (bounced, complained, asked to be forgotten); the reason is the value.
    Column("suppressed", String(64)),
    Column("suppressed_at", Instant),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("list", String(64), primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("topics", JSON, nullable=False),
    Column("since", Instant, nullable=False),
    Index("ix_subscriptions_subscriber_id", "subscriber_id"),
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("newsletter", String(64), primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("issue_id", Id),
)

# Which files were read, so that only those that changed are read again.
list_files = Table(
    "list_files",
    metadata,
    Column("list", String(64), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("read_at", Instant, nullable=False),
)

_CLAIMED = text("state = 'claimed'")


def _index_of(states: tuple[str, ...], name: str, *columns: str) -> Index:
    """An index that holds the rows in these states alone: of millions of rows, those that are asked for."""
    return Index(name, *columns, sqlite_where=text(in_states(states)))


# The ledger: who got what, who did not, why.
deliveries = Table(
    "deliveries",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True),
    Column("subscriber_id", Id, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("worker", String(128)),
    Column("lease", Instant),
    Column("code", Integer),
    Column("reply", Text),
    Column("first_try", Instant),
    Column("changed_at", Instant, nullable=False),
    # Each index costs at every change of state, so there are no others.
    _index_of(WAITING, "ix_deliveries_waiting", "issue_id", "not_before", "subscriber_id"),
    _index_of(HELD, "ix_deliveries_held", "worker", "lease"),
    _index_of(NOT_REACHED, "ix_deliveries_not_reached", "issue_id", "state"),
)

# Mails that are no issue: tests, notes to editors, confirmations. Kept whole, so that a try again sends the same bytes.
messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("sender", String(320), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("worker", String(128)),
    Column("lease", Instant),
    Column("code", Integer),
    Column("reply", Text),
    Column("first_try", Instant),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index("ix_messages_state_not_before", "state", "not_before"),
    Index("ix_messages_worker", "worker"),
    Index("ix_messages_lease", "lease", sqlite_where=_CLAIMED),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("newsletter", String(64)),
    Column("issue_id", Id),
    Column("reason", Text, nullable=False, default=""),
    Column("data", JSON, nullable=False),
    Index("ix_events_issue_id", "issue_id"),
    Index("ix_events_at", "at"),
)


@event.listens_for(metadata, "before_create")
def _partial_on_postgresql(_metadata: MetaData, connection: Connection, **_: object) -> None:
    """PostgreSQL's indexes hold the same rows as SQLite's.

    Said only when tables are made there: to name PostgreSQL above would load it and its drivers into every process.
    """
    if connection.dialect.name == "postgresql":
        for index in (index for table in metadata.tables.values() for index in table.indexes):
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
