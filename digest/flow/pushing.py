"""Stories that a program hands over (a CMS, the moment it publishes), and the keys by which it may.

    request -> story, as clean as a gathered one -> pool

What is not here: the form of a request (web/api), gathering (gathering).
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from digest import log
from digest.errors import Conflict, NotFound, UsageError
from digest.flow.newsroom import Newsroom
from digest.gather import clean
from digest.gather.entry import Entry, story_of
from digest.gather.sources import is_wanted
from digest.model.api_key import ApiKey
from digest.model.story import Kept, RawStory
from digest.store import api_keys, arrivals, events, revisions, sources
from digest.store.engine import Connection

KEY_BYTES = 32
"""256 bits: a plain hash of so much chance can neither be guessed nor looked up, and costs nothing to check."""

KEY_PREFIX = "digest_"
"""By which people, and programs that look for leaked secrets, know what they see."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

_log = log.get(__name__)


# -- keys --------------------------------------------------------------------------------------------------------------


async def add_key(room: Newsroom, name: str, source: str) -> str:
    """Make a key that may push to `source`. It is returned here and kept nowhere; the database has its hash.

    Raises UsageError for a name that is none, NotFound for a source that is none, Conflict when the name is taken.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a key: letters a-z, digits, - and _ only, at most 40")
    _check_source(room, source)
    key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    now = room.clock.now()
    async with room.store.write() as conn:
        if not await api_keys.add(conn, ApiKey(name, source, _hash(key), now)):
            raise Conflict(f"there is an API key {name!r} already; `digest api-keys remove {name}` takes it back")
        await events.add(conn, now, room.actor, "api-key.added", key=name, source=source)
    return key


def _check_source(room: Newsroom, name: str) -> None:
    pushed = sorted(each for each, source in room.settings.sources.items() if source.kind == "push")
    if name not in room.settings.sources:
        raise NotFound(f"there is no source {name!r}; those that take stories are: {', '.join(pushed) or 'none'}")
    if name not in pushed:
        kind = room.settings.sources[name].kind
        raise UsageError(
            f'the source {name!r} is of kind "{kind}" and fetches its stories; only kind "push" takes them'
        )


async def remove_key(room: Newsroom, name: str) -> None:
    """Take a key back, at once. Raises NotFound."""
    async with room.store.write() as conn:
        if not await api_keys.remove(conn, name):
            raise NotFound(f"there is no API key {name!r}")
        await events.add(conn, room.clock.now(), room.actor, "api-key.removed", key=name)


async def all_keys(room: Newsroom) -> list[ApiKey]:
    """Every key, by name; what of it can be shown."""
    async with room.store.read() as conn:
        return await api_keys.all_keys(conn)


async def key_of(room: Newsroom, presented: str) -> ApiKey | None:
    """The key that was presented, or None when it is none of ours."""
    key_hash = _hash(presented)
    async with room.store.read() as conn:
        key = await api_keys.by_hash(conn, key_hash)
    return key if key and hmac.compare_digest(key.key_hash, key_hash) else None


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


# -- stories -----------------------------------------------------------------------------------------------------------


def takes(room: Newsroom, source: str) -> bool:
    """Whether the settings have a source of that name, and it is one that takes stories."""
    return source in room.settings.sources and room.settings.sources[source].kind == "push"


def story(room: Newsroom, source_name: str, guid: str, entry: Entry, topics: Sequence[str]) -> RawStory | None:
    """A story of the source, cleaned as a gathered one; None when nothing is left of its title.

    guid: the id that its sender gave it. topics: its own, beside those of the source.
    """
    source = room.settings.sources[source_name]
    made = story_of(entry, source_name, source, room.clock.now()) if clean.plain(entry.title) else None
    return replace(made, guid=guid, topics=tuple(dict.fromkeys((*source.topics, *topics)))) if made else None


async def push(room: Newsroom, key: ApiKey, handed: Sequence[RawStory]) -> list[Kept | None]:
    """Keep stories of the key's source, all or none; what became of each: None = kept out by the source's word rules.

    When this returns they are committed. The same id again is the same story: brought up to date until an issue carried it.
    """
    source = room.settings.sources[key.source]
    async with room.store.write() as conn:
        # Not before, while we waited for others: an issue that they built has not seen these.
        now = await arrivals.order(conn, room.clock.now())
        # First of all, for the row is then ours: two requests with the same new id go one after the other.
        await sources.record(conn, key.source, asked_at=now, good_at=now, status="ok", error=None)
        kept = [await revisions.put(conn, each, now) if is_wanted(each, source) else None for each in handed]
        await sources.record(conn, key.source, found=await revisions.brought_by(conn, key.source), status="ok")
        await _note(conn, key, kept, now)
    return kept


async def _note(conn: Connection, key: ApiKey, kept: Sequence[Kept | None], now: datetime) -> None:
    """A request that changed nothing is no event."""
    await api_keys.note_use(conn, key.name, now)
    counts = dict(Counter(each.value if each else "excluded" for each in kept))
    if Kept.NEW in counts or Kept.UPDATED in counts:
        _log.info("stories.pushed", source=key.source, key=key.name, **counts)
        await events.add(conn, now, f"api:{key.name}", "stories.pushed", source=key.source, outcomes=counts)
