"""No number of a story is ever given twice; what a source brought since a moment is found by index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _number_stories_once()
    op.create_index("ix_sightings_source_seen_at", "sightings", ["source", "seen_at"])


def _number_stories_once() -> None:
    """SQLite gives the highest number again after a delete, unless the table was made with AUTOINCREMENT: it is made anew.

    Dropping the old table deletes its rows, and with these, by the foreign key, the sightings; so they are put aside.
    The count goes on behind the highest number that an issue still knows.
    """
    op.execute("CREATE TABLE sightings_aside AS SELECT * FROM sightings")
    with op.batch_alter_table("stories", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
        pass
    op.execute("INSERT INTO sightings SELECT * FROM sightings_aside")
    op.execute("DROP TABLE sightings_aside")
    highest = sa.text(
        "SELECT max(number) FROM (SELECT max(id) AS number FROM stories UNION SELECT max(story_id) FROM issue_stories)"
    )
    number = op.get_bind().execute(highest).scalar() or 0
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'stories'")
    op.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('stories', :number)").bindparams(number=number))
