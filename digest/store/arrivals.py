"""When sources brought a story for the first time, as a question to the database.

What is not here: what becomes of the answer (stories).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from digest.store.tables import sightings, stories


def brought(sources: Sequence[str], since: datetime) -> Select[Any]:
    """The stories that one of `sources` brought after `since`, and none of them before; first_seen is when."""
    before = sightings.alias("before")
    mine = before.c.source.in_(sources) & (before.c.story_id == sightings.c.story_id)
    first = (
        select(sightings.c.story_id, func.min(sightings.c.seen_at).label("at"))
        .where(sightings.c.source.in_(sources), sightings.c.seen_at > since)
        .where(~select(before.c.story_id).where(mine, before.c.seen_at <= since).exists())
        .group_by(sightings.c.story_id)
        .subquery("first")
    )
    columns = [each for each in stories.c if each is not stories.c.first_seen]
    return select(*columns, first.c.at.label("first_seen")).join(first, first.c.story_id == stories.c.id)
