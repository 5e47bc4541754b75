"""By which names the pool knows a story, and giving it new ones.

What is not here: keeping and choosing (stories), and deciding whether a feed has renamed its stories (flow).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.exc import IntegrityError

from digest.model.story import RawStory
from digest.store import upsert
from digest.store.engine import Connection
from digest.store.tables import aliases, stories

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NOBODY = (0, "")


def bounded(key: str) -> str:
    """A key of any length in a length that both databases can index."""
    return key if len(key) <= 500 else f"{key[:400]}#{sha256(key.encode()).hexdigest()}"


def storable(raw: RawStory) -> RawStory:
    """The story without what no database takes: NUL and halves of surrogate pairs."""
    values = {each.name: getattr(raw, each.name) for each in fields(raw)}
    spoilt: dict[str, Any] = {
        name: _UNSTORABLE.sub("\ufffd", value)
        for name, value in values.items()
        if isinstance(value, str) and _UNSTORABLE.search(value)
    }
    return replace(raw, **spoilt) if spoilt else raw


@dataclass(frozen=True, slots=True)
class Titled:
    """A story of a source, by its title."""

    story_id: int
    title_key: str
    published: datetime


async def recognised(conn: Connection, source: str, found: Sequence[RawStory]) -> dict[int, int]:
    """Which of `found` the pool has, by one of its links or by the source's id: position in `found` to story id."""
    safe = [storable(raw) for raw in found]
    keys = sorted({bounded(key) for raw in safe for key in (raw.link_key, raw.canonical_key) if key})
    links = await _ids(conn, stories.c.link_key, keys)
    others = await _others(conn, keys)
    mains = await _mains(conn, [bounded(raw.canonical_key) for raw in safe if raw.canonical_key])
    guids = await _ids(
        conn, stories.c.guid, [bounded(raw.guid) for raw in safe if raw.guid], stories.c.source == source
    )
    disputed = {key for key, main in mains.items() if main.has_others} | disputed_links(safe)
    known = {}
    for position, raw in enumerate(safe):
        link, own = bounded(raw.link_key), bounded(raw.canonical_key)
        story_id = (
            links.get(link) or others.get(link, _NOBODY)[0] or (guids.get(bounded(raw.guid)) if raw.guid else None)
        )
        # A site that gives all its pages one canonical link must not lose them: there the titles have to agree.
        if story_id is None and own in mains and (own not in disputed or mains[own].title == raw.title):
            story_id = mains[own].story_id
        if story_id is None and others.get(own, _NOBODY)[1] == raw.title:
            story_id = others[own][0]
        if story_id:
            known[position] = story_id
    return known


def disputed_links(found: Iterable[RawStory]) -> set[str]:
    """Links that pages with different titles call their own: at most one of them is right."""
    titles: dict[str, set[str]] = {}
    for raw in found:
        if raw.canonical_key:
            titles.setdefault(bounded(raw.canonical_key), set()).add(raw.title)
    return {key for key, each in titles.items() if len(each) > 1}


@dataclass(frozen=True, slots=True)
class _Main:
    """The story under a link that a page calls its own. has_others: whether other pages have done so before."""

    story_id: int
    title: str
    has_others: bool


async def _mains(conn: Connection, keys: Sequence[str]) -> dict[str, _Main]:
    found: dict[str, _Main] = {}
    other = exists().where(aliases.c.story_id == stories.c.id)
    for start in range(0, len(keys), 500):
        query = select(stories.c.link_key, stories.c.id, stories.c.title, other)
        for key, *main in await conn.execute(query.where(stories.c.link_key.in_(keys[start : start + 500]))):
            found[key] = _Main(*main)
    return found


async def _others(conn: Connection, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Whose other links these are: to the story's id and title."""
    found: dict[str, tuple[int, str]] = {}
    for start in range(0, len(keys), 500):
        query = select(aliases.c.link_key, stories.c.id, stories.c.title).join(stories)
        query = query.where(aliases.c.link_key.in_(keys[start : start + 500]))
        found |= {key: (story_id, title) for key, story_id, title in await conn.execute(query)}
    return found


async def note_links(conn: Connection, kept: Iterable[tuple[RawStory, int]]) -> None:
    """Keep the links of stories that have more than one, so that they are known under each."""
    wanted = {
        bounded(key): story_id
        for raw, story_id in kept
        if raw.canonical_key
        for key in (raw.canonical_key, raw.link_key)
    }
    main = await _ids(conn, stories.c.link_key, list(wanted))
    rows = [{"link_key": key, "story_id": story_id} for key, story_id in wanted.items() if key not in main]
    if rows:
        await conn.execute(upsert.insert(conn, aliases).values(rows).on_conflict_do_nothing())


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
    raw = storable(raw)
    names = {
        "guid": bounded(raw.guid) if raw.guid else None, "link": raw.link, "link_key": bounded(raw.link_key),
    }  # fmt: skip
    try:
        async with conn.begin_nested():
            await conn.execute(update(stories).where(stories.c.id == story_id).values(names))
    except IntegrityError:
        pass  # another source has brought it under that link in the meantime; then that is the story
