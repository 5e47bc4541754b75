"""The pool of stories and the story memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, StatementError

from digest.errors import StoryTaken
from digest.model.issue import IssueStory
from digest.model.story import RawStory, Story
from digest.model.titles import is_column
from digest.store import upsert
from digest.store.arrivals import brought
from digest.store.engine import Connection
from digest.store.names import bounded, disputed_links, note_links, recognised, storable
from digest.store.tables import aliases, issues, memory, sightings, stories

MAX_LANGUAGE = 35

REMEMBERED = timedelta(days=90)
"""A story is not told twice within this time."""

_STRANGE = (StatementError, TypeError, ValueError, OverflowError)


async def add_all(conn: Connection, found: Sequence[RawStory], now: datetime) -> tuple[int, list[str]]:
    """Keep the stories of one source as `add` does; how many are new, and a sentence for each that is refused.

    All at once; where the database does not take that, one by one, so that a strange story spoils no other.
    """
    try:
        async with conn.begin_nested():
            return await _add_at_once(conn, found, now), []
    except (OperationalError, InterfaceError):
        raise  # the database's own trouble, and no story's
    except _STRANGE:
        return await _add_one_by_one(conn, found, now)


async def _add_at_once(conn: Connection, found: Sequence[RawStory], now: datetime) -> int:
    if not found:
        return 0
    raws = [storable(raw) for raw in found]
    known = await recognised(conn, raws[0].source, raws)
    fresh = _once([raw for position, raw in enumerate(raws) if position not in known])
    new = 0
    if fresh:
        statement = upsert.insert(conn, stories).values([_values(raw, now) for raw in fresh])
        ids = await conn.execute(statement.on_conflict_do_nothing().returning(stories.c.id))
        new = len(ids.all())
        known = await recognised(conn, raws[0].source, raws)  # those of another process too, that was faster
    seen = [{"story_id": each, "source": raws[0].source, "seen_at": now} for each in sorted(set(known.values()))]
    if seen:
        await conn.execute(upsert.insert(conn, sightings).values(seen).on_conflict_do_nothing())
    await note_links(conn, [(raws[position], story_id) for position, story_id in known.items()])
    return new


def _once(found: Sequence[RawStory]) -> list[RawStory]:
    """Of several with one link or one id, and of a story under two of its links, the first."""
    once: list[RawStory] = []
    names: set[tuple[str, str]] = set()
    disputed = disputed_links(found)
    for raw in found:
        own = {("link", raw.link_key), *([("id", raw.guid)] if raw.guid else [])}
        asked = own | {("page", raw.link_key)}
        if raw.canonical_key:
            titled = ("page and title", f"{raw.canonical_key} {raw.title}")
            asked |= {titled} if bounded(raw.canonical_key) in disputed else {titled, ("link", raw.canonical_key)}
            own |= {titled, ("page", raw.canonical_key)}
        if not asked & names:
            once.append(raw)
            names |= own
    return once


async def _add_one_by_one(conn: Connection, found: Sequence[RawStory], now: datetime) -> tuple[int, list[str]]:
    new, refused = 0, []
    for raw in found:
        try:
            async with conn.begin_nested():
                new += await add(conn, raw, now)
        except (OperationalError, InterfaceError):
            raise
        except _STRANGE as error:
            refused.append(f"{raw.link}: {type(error).__name__}: {error}")
    return new, refused


async def add(conn: Connection, raw: RawStory, now: datetime) -> bool:
    """Keep a story unless the pool has it already, by its link or by its source's id; say whether it is new.

    A story that another source has brought before is not new: the second source is noted beside it.
    """
    raw = storable(raw)
    known = await _known(conn, raw)
    new = await _insert(conn, raw, now) if known is None else None
    # Neither: another process has stored it between our look and our insert.
    story_id = known or new or await _known(conn, raw)
    if story_id is not None:
        await _note_sighting(conn, story_id, raw.source, now)
        await note_links(conn, [(raw, story_id)])
    return new is not None


async def _known(conn: Connection, raw: RawStory) -> int | None:
    return (await recognised(conn, raw.source, [raw])).get(0)


async def known_links(conn: Connection, keys: Sequence[str]) -> set[str]:
    """Those of the link keys that the pool has a story for."""
    of = {bounded(key): key for key in keys}
    asked, found = list(of), set[str]()
    for start in range(0, len(asked), 500):
        for column in (stories.c.link_key, aliases.c.link_key):
            query = select(column).where(column.in_(asked[start : start + 500]))
            found.update((await conn.execute(query)).scalars())
    return {of[key] for key in found}


async def _insert(conn: Connection, raw: RawStory, now: datetime) -> int | None:
    """Its number; None when another process has its link by now."""
    statement = upsert.insert(conn, stories).values(_values(raw, now)).on_conflict_do_nothing().returning(stories.c.id)
    found: int | None = (await conn.execute(statement)).scalar()
    return found


def _values(raw: RawStory, now: datetime) -> dict[str, Any]:
    return columns(raw) | {"published": raw.published or now, "first_seen": now}


def columns(raw: RawStory) -> dict[str, Any]:
    """A story as the table has it, but for when it was seen."""
    values = {name: value for name, value in asdict(raw).items() if name != "canonical_key"}
    return values | {
        "guid": bounded(raw.guid) if raw.guid else None,
        "link_key": bounded(raw.link_key),
        # What is longer is no language tag (RFC 5646 §4.4.1), and a feed may claim anything.
        "language": raw.language if raw.language and len(raw.language) <= MAX_LANGUAGE else None,
        "topics": list(raw.topics),
    }


async def _note_sighting(conn: Connection, story_id: int, source: str, now: datetime) -> None:
    values = {"story_id": story_id, "source": source, "seen_at": now}
    await conn.execute(upsert.insert(conn, sightings).values(values).on_conflict_do_nothing())


# -- the pool ----------------------------------------------------------------------------------------------------------


async def pool(conn: Connection, sources: Iterable[str] | None, since: datetime) -> list[Story]:
    """Stories that `sources` (None: any) brought after `since` for the first time, newest first.

    first_seen is when one of these sources brought it: that another newsletter's source had it before makes it no older.
    """
    query = select(stories).where(stories.c.first_seen > since)
    if sources is not None:
        query = brought(list(sources), since)
    rows = (await conn.execute(query.order_by(stories.c.published.desc(), stories.c.id))).mappings().all()
    also = await carriers(conn, [row["id"] for row in rows])
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


async def carriers(conn: Connection, ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """The sources that carried each of these stories."""
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
    """What identifies a story: its link, its id at the source, its title when that is telling.

    Of a story in an issue also the links of the others who told it: tomorrow they are the same story still.
    """
    marks = [("link", bounded(story.link_key))]
    if isinstance(story, IssueStory):
        marks += [("link", bounded(each.link_key)) for each in story.also if each.link_key]
    if story.guid:
        marks.append(("id", bounded(f"{story.source} {story.guid}")))
    # Stories kept by an older Digest have the titles of columns for keys.
    if story.title_key and not is_column(story.title_key):
        marks.append(("title", bounded(story.title_key)))
    return marks


async def remember(
    conn: Connection, newsletter: str, edition: str, issue_id: int, chosen: Sequence[IssueStory], now: datetime
) -> None:
    """Write the stories of an issue into the memory of its edition. Raises StoryTaken.

    What the edition has forgotten by now is taken out first: it may be told again.
    """
    mine = (memory.c.newsletter == newsletter) & (memory.c.edition == edition)
    await conn.execute(delete(memory).where(mine, memory.c.at <= now - REMEMBERED))
    rows = [
        {"newsletter": newsletter, "edition": edition, "kind": kind, "value": value, "issue_id": issue_id, "at": now}
        for kind, value in dict.fromkeys(mark for story in chosen for mark in marks(story))
    ]
    try:
        async with conn.begin_nested():
            await conn.execute(insert(memory), rows)
    except IntegrityError:
        gone = await taken(conn, newsletter, edition, issue_id, chosen, now)
        by = sorted(set(gone.values()))
        raise StoryTaken([story.title for story in chosen if story.story_id in gone], by) from None


async def taken(
    conn: Connection, newsletter: str, edition: str, issue_id: int, chosen: Iterable[IssueStory], now: datetime
) -> dict[int, int]:
    """Which of `chosen` another issue of the edition has carried, by the memory: the story's number -> that issue's."""
    of = {story.story_id: marks(story) for story in chosen}
    asked = {mark for each in of.values() for mark in each}
    kinds, values = sorted({kind for kind, _ in asked}), sorted({value for _, value in asked})
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(values), 500):
        query = select(memory.c.kind, memory.c.value, memory.c.issue_id).where(
            memory.c.newsletter == newsletter,
            memory.c.edition == edition,
            memory.c.issue_id != issue_id,
            memory.c.at > now - REMEMBERED,
            memory.c.kind.in_(kinds),
            memory.c.value.in_(values[start : start + 500]),
        )
        found.update({(kind, value): number for kind, value, number in await conn.execute(query)})
    carried = {story: next((found[mark] for mark in each if mark in found), None) for story, each in of.items()}
    return {story: number for story, number in carried.items() if number is not None}


async def release(conn: Connection, issue_id: int) -> None:
    """Forget that the issue carried its stories: it was undone before anything left."""
    await conn.execute(delete(memory).where(memory.c.issue_id == issue_id))


async def is_remembered(conn: Connection, issue_id: int) -> bool:
    """Whether the stories of an issue are in the memory on its account."""
    query = select(memory.c.value).where(memory.c.issue_id == issue_id).limit(1)
    return (await conn.execute(query)).first() is not None


@dataclass(frozen=True, slots=True)
class Memory:
    """The issue that carried something, and when it began to leave; None when it has not yet."""

    issue: int
    sent: datetime | None


async def remembered(
    conn: Connection, newsletter: str, edition: str, since: datetime | None = None
) -> dict[tuple[str, str], Memory]:
    """What an edition remembers from after `since` (None: all of it): (kind, value) to who carried it."""
    query = select(memory.c.kind, memory.c.value, memory.c.issue_id, issues.c.started_at)
    query = query.join(issues, issues.c.id == memory.c.issue_id)
    query = query.where(memory.c.newsletter == newsletter, memory.c.edition == edition)
    if since is not None:
        query = query.where(memory.c.at > since)
    rows = await conn.execute(query)
    return {(kind, value): Memory(issue_id, sent) for kind, value, issue_id, sent in rows}


async def per_source(
    conn: Connection, sources: Iterable[str], since: datetime, now: datetime
) -> dict[str, tuple[int, datetime]]:
    """How many stories of each source were published between `since` and `now`, and when the first of them."""
    query = (
        select(stories.c.source, func.count(), func.min(stories.c.published))
        .where(stories.c.source.in_(list(sources)), stories.c.published > since, stories.c.published <= now)
        .group_by(stories.c.source)
    )
    return {source: (number, first) for source, number, first in await conn.execute(query)}
