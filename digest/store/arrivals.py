"""When stories came: in which order with the choices among them, and when some sources first brought one.

What is not here: what becomes of the answer (stories).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select, text

from digest.store.engine import Connection
from digest.store.tables import issues, sightings, stories

_INSTANT = timedelta(microseconds=1)
_ORDER_LOCK = 0x0D16E58


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


async def came(conn: Connection, ids: Iterable[int]) -> dict[int, datetime]:
    """When each of these stories was first seen, by whatever source; those that are not in the pool are left out."""
    query = select(stories.c.id, stories.c.first_seen).where(stories.c.id.in_(list(ids)))
    return {row.id: row.first_seen for row in await conn.execute(query)}


async def order(conn: Connection, now: datetime) -> datetime:
    """Let those who keep stories and those who choose among them go one after the other, to the end of the transaction.

    The instant at which a story kept here was first seen, or up to which a choice begun here looks: after every choice
    that was begun before, also where the clock was put back or another machine's is ahead, so that no story falls between
    two issues. SQLite has one writer at a time anyway.
    """
    if conn.dialect.name == "postgresql":
        await conn.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _ORDER_LOCK})
    chosen: datetime | None = (await conn.execute(select(func.max(issues.c.built_at)))).scalar()
    return now if chosen is None else max(now, chosen + _INSTANT)


async def looked_up_to(conn: Connection, sources: Sequence[str], now: datetime) -> datetime:
    """The instant up to which a choice that begins here looks: whatever `sources` have brought is before it.

    Also what a machine has kept whose clock is ahead of ours.
    """
    begun = await order(conn, now)
    newest = select(func.max(sightings.c.seen_at)).where(sightings.c.source.in_(list(sources)))
    found: datetime | None = (await conn.execute(newest)).scalar()
    return begun if found is None else max(begun, found)
