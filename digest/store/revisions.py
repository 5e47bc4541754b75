"""Stories that their source may change: brought up to date or withdrawn, until an issue has carried them.

What is not here: stories of feeds and pages, which are kept as they were found first (stories).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from digest.model.story import Kept, RawStory
from digest.store.engine import Connection
from digest.store.names import bounded, storable
from digest.store.stories import add, carriers, columns
from digest.store.tables import memory, stories


async def put(conn: Connection, raw: RawStory, now: datetime) -> Kept:
    """Keep a story that has an id; one that this source has brought before under that id is brought up to date."""
    raw = storable(raw)
    row = await _of_source(conn, raw)
    if row is None:
        return Kept.NEW if await add(conn, raw, now) else Kept.KNOWN
    values = columns(raw) | {"published": raw.published or row["published"]}
    if all(row[name] == value for name, value in values.items()):
        return Kept.UNCHANGED
    if await _carried(conn, [row]):
        return Kept.SENT
    try:
        async with conn.begin_nested():
            await conn.execute(update(stories).where(stories.c.id == row["id"]).values(values))
    except IntegrityError:  # its new link is another story's
        return Kept.KNOWN
    return Kept.UPDATED


async def mirror(
    conn: Connection, source: str, found: Sequence[RawStory], present: Collection[str], now: datetime
) -> int:
    """Make the pool say what `source` says: `found` is kept as by `put`; how many of it are new.

    A story of the source whose id is not `present` is taken out, unless an issue or another source has carried it.
    """
    await _withdraw(conn, source, {bounded(guid) for guid in present})
    return sum([await put(conn, raw, now) is Kept.NEW for raw in found])


async def brought_by(conn: Connection, source: str) -> int:
    """How many stories the pool has from `source` first."""
    query = select(func.count()).select_from(stories).where(stories.c.source == source)
    return int((await conn.execute(query)).scalar_one())


async def _of_source(conn: Connection, raw: RawStory) -> RowMapping | None:
    query = select(stories).where(stories.c.source == raw.source, stories.c.guid == bounded(raw.guid or ""))
    return (await conn.execute(query.order_by(stories.c.id).limit(1))).mappings().first()


async def _withdraw(conn: Connection, source: str, present: Collection[str]) -> None:
    query = select(stories.c.id, stories.c.source, stories.c.guid).where(stories.c.source == source)
    rows = (await conn.execute(query)).mappings().all()
    gone = [row for row in rows if row["guid"] not in present]
    carried = await _carried(conn, gone)
    also = await carriers(conn, [row["id"] for row in gone])
    for row in gone:
        if row["id"] not in carried and also.get(row["id"], frozenset()) <= {source}:
            await conn.execute(delete(stories).where(stories.c.id == row["id"]))


async def _carried(conn: Connection, rows: Sequence[RowMapping]) -> set[int]:
    """Which of these stories an approved issue of any newsletter has carried, by number."""
    marks = {bounded(f"{row['source']} {row['guid']}"): int(row["id"]) for row in rows}
    found: set[int] = set()
    for start in range(0, len(marks), 500):
        chunk = list(marks)[start : start + 500]
        query = select(memory.c.value).where(memory.c.kind == "id", memory.c.value.in_(chunk))
        found |= {marks[value] for value in (await conn.execute(query)).scalars()}
    return found
