"""From sources to the pool: fetch, read, keep what is new; and how each source fares.

    sources -> gather -> stories in the pool, health of each source

A source that fails sinks no other. What is not here: choosing stories for an issue (produce), when to gather (daemon).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from digest import clock as clock_module
from digest.errors import GatherError, NotFound
from digest.flow.newsroom import Newsroom
from digest.gather.fetch import Fetcher
from digest.gather.sources import SourceRead, Validators, read_source
from digest.model.story import RawStory
from digest.store import revisions, sources, stories
from digest.store.engine import Connection
from digest.store.sources import SourceRow

OLD = timedelta(days=365)
"""How old a feed's dateless items of its first fetch count: nobody knows, so they are no news."""

_WARNINGS = 5  # so many are told in full


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How one source fared. status: "ok", "unchanged" or "failed". found: items in the source at its last good fetch."""

    name: str
    status: str
    found: int
    new: int
    error: str | None
    seconds: float


async def gather(room: Newsroom, only: Iterable[str] | None = None) -> list[SourceReport]:
    """Fetch the sources (None: all) and keep what is new. One that fails sinks no other; its report says why.

    Raises NotFound for a name that is no source.
    """
    names = list(only) if only is not None else list(room.settings.sources)
    _check_names(room, names)
    async with room.store.read() as conn:
        known = await sources.all_sources(conn)
    async with Fetcher(room.settings.gather, room.clock) as fetcher:
        return list(await asyncio.gather(*(_gather_one(room, fetcher, name, known.get(name)) for name in names)))


def _check_names(room: Newsroom, names: Iterable[str]) -> None:
    for name in names:
        if name not in room.settings.sources:
            raise NotFound(f"there is no source {name!r}; there are: {', '.join(sorted(room.settings.sources))}")


async def _gather_one(room: Newsroom, fetcher: Fetcher, name: str, row: SourceRow | None) -> SourceReport:
    begun = clock_module.monotonic()
    try:
        source, validators = room.settings.sources[name], _validators(room, row)
        read = await read_source(fetcher, name, source, validators, room.clock.now(), parsers=room.parsers)
    except GatherError as error:
        await _record_failure(room, name, str(error))
        found = row.found if row else 0
        return SourceReport(name, "failed", found, 0, str(error), clock_module.monotonic() - begun)
    new = await _keep(room, read, first=row is None or row.good_at is None)
    found = read.found if read.status == "ok" or row is None else row.found
    return SourceReport(name, read.status, found, new, _told(read), clock_module.monotonic() - begun)


def _rules(room: Newsroom, name: str) -> str:
    """A fingerprint of a source's settings: with other rules an unchanged page has to be read again."""
    return sha256(room.settings.sources[name].model_dump_json().encode()).hexdigest()


def _validators(room: Newsroom, row: SourceRow | None) -> Validators:
    """What makes the request conditional; nothing when the source's settings have changed."""
    if row is None or row.rules != _rules(room, row.name):
        return Validators(None, None, None)
    return Validators(row.etag, row.last_modified, row.body_hash)


def _told(read: SourceRead) -> str | None:
    """What is wrong with parts of a source that is well on the whole; None if nothing."""
    more = len(read.warnings) - _WARNINGS
    return "; ".join((*read.warnings[:_WARNINGS], *([f"and {more} more"] if more > 0 else []))) or None


async def _keep(room: Newsroom, read: SourceRead, *, first: bool) -> int:
    if room.settings.sources[read.name].kind == "push":
        return 0  # when it was last heard of is for those to say who push
    now = room.clock.now()
    health: dict[str, Any] = {"asked_at": now, "good_at": now, "status": "ok", "error": _told(read)}
    health |= asdict(read.validators) | {"rules": _rules(room, read.name)}
    if read.status == "ok":
        health["found"] = read.found
    async with room.store.write() as conn:
        await sources.record(conn, read.name, **health)
        if read.present is not None:
            return await revisions.mirror(conn, read.name, read.stories, read.present, now)
        dateless_is_old = first and room.settings.sources[read.name].kind == "feed"
        return await _add(conn, read.stories, now, dateless_is_old)


async def _add(conn: Connection, found: Sequence[RawStory], now: datetime, dateless_is_old: bool) -> int:
    new = 0
    for raw in found:
        if raw.published is None and dateless_is_old:
            new += await stories.add(conn, replace(raw, published=now - OLD), now)
        else:
            new += await stories.add(conn, raw, now)
    return new


async def _record_failure(room: Newsroom, name: str, error: str) -> None:
    now = room.clock.now()
    async with room.store.write() as conn:
        await sources.record(conn, name, asked_at=now, status="failed", error=error)


async def try_source(room: Newsroom, name: str) -> SourceRead:
    """What a source gives now; nothing is stored. Raises NotFound, GatherError."""
    _check_names(room, [name])
    async with Fetcher(room.settings.gather, room.clock) as fetcher:
        source, validators = room.settings.sources[name], _validators(room, None)
        return await read_source(fetcher, name, source, validators, room.clock.now(), parsers=room.parsers)


async def health(room: Newsroom) -> list[dict[str, Any]]:
    """How each source of the settings fares; "new" for one that was never asked."""
    async with room.store.read() as conn:
        known = await sources.all_sources(conn)
    rows = []
    for name, source in room.settings.sources.items():
        row = known.get(name)
        rows.append({
            "name": name,
            "status": row.status if row else "new",
            "found": row.found if row else 0,
            "url": source.url,
            "asked_at": row.asked_at if row else None,
            "good_at": row.good_at if row else None,
            "error": row.error if row else None,
        })  # fmt: skip
    return rows
