"""What was told before: the stories that an edition remembers, and titles that a source uses again and again.

Stories are as their sources told them: what an editor changed was for one issue only.
What is not here: by what a story is recognised (stories), since when an issue is on its way (issues).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, func, select

from digest.model.story import Story
from digest.store.engine import Connection
from digest.store.stories import Memory
from digest.store.tables import issue_stories, issues, memory, stories

_OWN = ("title", "title_key", "teaser")
_SHARED = ("source", "guid", "link", "link_key", "published", "image", "language")


async def carried(conn: Connection, newsletter: str, edition: str, since: datetime) -> list[tuple[Story, Memory]]:
    """Each story that an issue of the edition has carried since then, and the issue."""
    remembered = select(memory.c.issue_id).where(
        memory.c.newsletter == newsletter, memory.c.edition == edition, memory.c.at > since
    )
    told = [func.coalesce(stories.c[name], issue_stories.c[name]).label(name) for name in _OWN]
    shared = [issue_stories.c[name] for name in _SHARED]
    query = (
        select(issue_stories.c.story_id, issue_stories.c.issue_id, issues.c.started_at, *told, *shared)
        .join(issues, issues.c.id == issue_stories.c.issue_id)
        .outerjoin(stories, stories.c.id == issue_stories.c.story_id)
        .where(issue_stories.c.issue_id.in_(remembered))
        .order_by(issue_stories.c.issue_id, issue_stories.c.position)
    )
    rows = (await conn.execute(query)).mappings().all()
    return [(_story(row), Memory(row["issue_id"], row["started_at"])) for row in rows]


async def repeated(
    conn: Connection, sources: Sequence[str], since: datetime
) -> dict[tuple[str, str], list[tuple[datetime, str]]]:
    """The telling titles that a source has used twice and more since then: (source, title) to (published, teaser)."""
    mine = stories.c.source.in_(sources) & (stories.c.first_seen > since) & (stories.c.title_key != "")
    # Counted in one walk: to look for each title among all of its source takes the square of them.
    times = func.count().over(partition_by=[stories.c.source, stories.c.title]).label("times")
    counted = select(stories.c.id, times).where(mine).subquery("counted")
    query = (
        select(stories.c.source, stories.c.title, stories.c.published, stories.c.teaser)
        .join(counted, counted.c.id == stories.c.id)
        .where(counted.c.times >= 2)
    )
    found: dict[tuple[str, str], list[tuple[datetime, str]]] = {}
    for source, title, published, teaser in await conn.execute(query.order_by(stories.c.id)):
        found.setdefault((source, title), []).append((published, teaser))
    return found


def _story(row: RowMapping) -> Story:
    values: dict[str, Any] = {name: row[name] for name in (*_OWN, *_SHARED)}
    return Story(id=row["story_id"], first_seen=row["published"], **values)
