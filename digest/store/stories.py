"""The pool of stories and the story memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, StatementError

from digest.errors import Conflict
from digest.model.issue import IssueStory
from digest.model.story import RawStory, Story
from digest.store import upsert
from digest.store.engine import Connection
from digest.store.tables import memory, sightings, stories

MAX_LANGUAGE = 35

_ORDER_LOCK = 0x0D16E58
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


async def order(conn: Connection) -> None:
    """Let those who keep stories and those who choose among them go one after the other, to the end of the transaction.

    Whoever asks for the time after this sees every story that was kept before that time, so that none falls between two
    issues. SQLite has one writer at a time anyway.
    """
    if conn.dialect.name == "postgresql":
        await conn.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _ORDER_LOCK})


async def add_all(conn: Connection, found: Iterable[RawStory], now: datetime) -> tuple[int, list[str]]:
    """Keep stories; how many are new, and a sentence for each that the database does not take: it spoils no other."""
    new, refused = 0, []
    for raw in found:
        try:
            async with conn.begin_nested():
                new += await add(conn, raw, now)
        except (OperationalError, InterfaceError):
            raise  # the database's own trouble, and no story's
        except (StatementError, TypeError, ValueError, OverflowError) as error:
            refused.append(f"{raw.link}: {type(error).__name__}: {error}")
    return new, refused


async def add(conn: Connection, raw: RawStory, now: datetime) -> bool:
    """Keep a story unless the pool has it already, by its link or by its source's id; say whether it is new.

    A story that another source has brought before is not new: the second source is noted beside it.
    """
    raw = _storable(raw)
    known = await _known(conn, raw)
    new = await _insert(conn, raw, now) if known is None else None
    # Neither: another process has stored it between our look and our insert.
    story_id = known or new or await _known(conn, raw)
    if story_id is not None:
        await _note_sighting(conn, story_id, raw.source, now)
    return new is not None


def _bounded(key: str) -> str:
    """A key of any length in a length that both databases can index."""
    return key if len(key) <= 500 else f"{key[:400]}#{sha256(key.encode()).hexdigest()}"


def _storable(raw: RawStory) -> RawStory:
    """The story without what no database takes: NUL and halves of surrogate pairs."""
    values = {each.name: getattr(raw, each.name) for each in fields(raw)}
    spoilt: dict[str, Any] = {
        name: _UNSTORABLE.sub("\ufffd", value)
        for name, value in values.items()
        if isinstance(value, str) and _UNSTORABLE.search(value)
    }
    return replace(raw, **spoilt) if spoilt else raw


async def _known(conn: Connection, raw: RawStory) -> int | None:
    same_id: ColumnElement[bool] = stories.c.id.is_(None)
    if raw.guid:
        same_id = (stories.c.source == raw.source) & (stories.c.guid == _bounded(raw.guid))
    query = (
        select(stories.c.id).where(or_(stories.c.link_key == _bounded(raw.link_key), same_id)).order_by(stories.c.id)
    )
    found: int | None = (await conn.execute(query.limit(1))).scalar()
    return found


async def _insert(conn: Connection, raw: RawStory, now: datetime) -> int | None:
    """Its number; None when another process has its link by now."""
    values = asdict(raw) | {
        "guid": _bounded(raw.guid) if raw.guid else None,
        "link_key": _bounded(raw.link_key),
        # What is longer is no language tag (RFC 5646 §4.4.1), and a feed may claim anything.
        "language": raw.language if raw.language and len(raw.language) <= MAX_LANGUAGE else None,
        "topics": list(raw.topics),
        "published": raw.published or now,
        "first_seen": now,
    }
    statement = upsert.insert(conn, stories).values(values).on_conflict_do_nothing().returning(stories.c.id)
    found: int | None = (await conn.execute(statement)).scalar()
    return found


async def _note_sighting(conn: Connection, story_id: int, source: str, now: datetime) -> None:
    values = {"story_id": story_id, "source": source, "seen_at": now}
    await conn.execute(upsert.insert(conn, sightings).values(values).on_conflict_do_nothing())


# -- renamed -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Titled:
    """A story of a source, by its title."""

    story_id: int
    title_key: str
    published: datetime


async def recognised(conn: Connection, source: str, found: Sequence[RawStory]) -> dict[int, int]:
    """Which of `found` the pool has, by link or by the source's id: position in `found` to story id."""
    safe = [_storable(raw) for raw in found]
    links = await _ids(conn, stories.c.link_key, [_bounded(raw.link_key) for raw in safe])
    guids = await _ids(
        conn, stories.c.guid, [_bounded(raw.guid) for raw in safe if raw.guid], stories.c.source == source
    )
    known = {}
    for position, raw in enumerate(safe):
        story_id = links.get(_bounded(raw.link_key)) or (guids.get(_bounded(raw.guid)) if raw.guid else None)
        if story_id is not None:
            known[position] = story_id
    return known


async def _ids(
    conn: Connection, column: ColumnElement[str], values: Sequence[str], *conditions: ColumnElement[bool]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(values), 500):
        query = select(column, stories.c.id).where(column.in_(values[start : start + 500]), *conditions)
        found.update((value, story_id) for value, story_id in await conn.execute(query))
    return found


async def titled(conn: Connection, source: str, title_keys: Iterable[str]) -> list[Titled]:
    """The stories that `source` brought under these titles."""
    keys = sorted({_UNSTORABLE.sub("\ufffd", key) for key in title_keys if key})
    found: list[Titled] = []
    for start in range(0, len(keys), 500):
        query = select(stories.c.id, stories.c.title_key, stories.c.published).where(
            stories.c.source == source, stories.c.title_key.in_(keys[start : start + 500])
        )
        found += [Titled(*row) for row in await conn.execute(query)]
    return found


async def rename(conn: Connection, story_id: int, raw: RawStory) -> None:
    """Give a known story the id and the link that its source gives it now."""
    raw = _storable(raw)
    names = {
        "guid": _bounded(raw.guid) if raw.guid else None, "link": raw.link, "link_key": _bounded(raw.link_key),
    }  # fmt: skip
    try:
        async with conn.begin_nested():
            await conn.execute(update(stories).where(stories.c.id == story_id).values(names))
    except IntegrityError:
        pass  # another source has brought it under that link in the meantime; then that is the story


# -- the pool ----------------------------------------------------------------------------------------------------------


async def pool(conn: Connection, sources: Iterable[str] | None, since: datetime) -> list[Story]:
    """Stories first seen after `since` that one of `sources` carried (None: any), newest first."""
    query = select(stories).where(stories.c.first_seen > since)
    if sources is not None:
        carried = select(sightings.c.story_id).where(sightings.c.source.in_(list(sources)))
        query = query.where(stories.c.id.in_(carried))
    rows = (await conn.execute(query.order_by(stories.c.published.desc(), stories.c.id))).mappings().all()
    also = await _carriers(conn, [row["id"] for row in rows])
    return [
        Story(
            **{
                **row,
                "topics": tuple(row["topics"]),
                "also": tuple(sorted(also.get(row["id"], frozenset()) - {row["source"]})),
            }
        )
        for row in rows
    ]


async def _carriers(conn: Connection, ids: Sequence[int]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        for story_id, source in await conn.execute(
            select(sightings.c.story_id, sightings.c.source).where(sightings.c.story_id.in_(chunk))
        ):
            found.setdefault(story_id, set()).add(source)
    return {story_id: frozenset(sources) for story_id, sources in found.items()}


# -- memory ------------------------------------------------------------------------------------------------------------


def marks(story: IssueStory | Story) -> list[tuple[str, str]]:
    """What identifies a story: its link, its id at the source, its title when that is telling."""
    marks = [("link", _bounded(story.link_key))]
    if story.guid:
        marks.append(("id", _bounded(f"{story.source} {story.guid}")))
    if story.title_key:
        marks.append(("title", _bounded(story.title_key)))
    return marks


async def remember(
    conn: Connection, newsletter: str, edition: str, issue_id: int, chosen: Sequence[IssueStory], now: datetime
) -> None:
    """Write the stories of an issue into the memory of its edition. Raises Conflict when one of them is there already."""
    rows = [
        {"newsletter": newsletter, "edition": edition, "kind": kind, "value": value, "issue_id": issue_id, "at": now}
        for kind, value in dict.fromkeys(mark for story in chosen for mark in marks(story))
    ]
    try:
        async with conn.begin_nested():
            await conn.execute(insert(memory), rows)
    except IntegrityError:
        raise Conflict("another issue has taken one of these stories in the meantime") from None


async def release(conn: Connection, issue_id: int) -> None:
    """Forget that the issue carried its stories: it was undone before anything left."""
    await conn.execute(delete(memory).where(memory.c.issue_id == issue_id))


async def is_remembered(conn: Connection, issue_id: int) -> bool:
    """Whether the stories of an issue are in the memory on its account."""
    query = select(memory.c.value).where(memory.c.issue_id == issue_id).limit(1)
    return (await conn.execute(query)).first() is not None


async def remembered(conn: Connection, newsletter: str, edition: str) -> dict[tuple[str, str], int]:
    """The memory of an edition: (kind, value) to the issue that carried it."""
    query = select(memory.c.kind, memory.c.value, memory.c.issue_id)
    rows = await conn.execute(query.where(memory.c.newsletter == newsletter, memory.c.edition == edition))
    return {(kind, value): issue_id for kind, value, issue_id in rows}


async def count(conn: Connection) -> int:
    """How many stories the pool holds."""
    return int((await conn.execute(select(func.count()).select_from(stories))).scalar_one())
