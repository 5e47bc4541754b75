"""From sources to the pool: fetch, read, keep what is new; and how each source fares.

    sources -> gather -> stories in the pool, health of each source

A source that fails sinks no other. What is not here: what a look leaves behind (keeping), choosing stories for an issue
(produce), when to gather (daemon).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest import clock as clock_module
from digest import log
from digest.errors import AskedToWait, GatherError, NotFound, StoreError, one_line
from digest.flow import keeping
from digest.flow.newsroom import Newsroom
from digest.flow.source_health import learn_cooldowns
from digest.gather.completing import Known
from digest.gather.fetch import TOTAL_S, Fetcher
from digest.gather.sources import SourceRead, Validators, adopted, read_own, read_source
from digest.model.issue import IssueStory
from digest.settings import Gather
from digest.store import arrivals, sources, stories
from digest.store.engine import Connection
from digest.store.sources import SourceRow

BELIEVED = timedelta(days=8)
"""How long validators are believed: some servers answer 304 to whatever is conditional, for ever."""

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How one source fared. status: "ok", "unchanged" or "failed". found: items in the source at its last good fetch.

    error: why it failed; beside "unchanged": why it was not asked.
    """

    name: str
    status: str
    found: int
    new: int
    error: str | None
    seconds: float


@asynccontextmanager
async def fetcher(room: Newsroom, config: Gather | None = None, total_s: float = TOTAL_S) -> AsyncIterator[Fetcher]:
    """A fetcher that shares turns, robots.txt and cool-downs with all others of the process.

    Who asks us to wait meanwhile is kept at its end, whatever ends it. config: None = that of the settings.
    total_s: seconds that one request may take. Raises StoreError.
    """
    async with room.store.read() as conn:
        await learn_cooldowns(conn, room.courtesy.cooldowns)
    try:
        async with Fetcher(config or room.settings.gather, room.clock, room.courtesy, total_s=total_s) as asking:
            yield asking
    finally:
        await keeping.save_cooldowns(room)


async def gather(
    room: Newsroom, only: Iterable[str] | None = None, *, due_only: bool = False, gone_too: bool = False
) -> list[SourceReport]:
    """Fetch the sources (None: all) and keep what is new. One that fails sinks no other; its report says why.

    due_only: only those whose next check has come; else all are asked now, still conditionally, and still obeying those who
    have asked us to wait. gone_too: also those that are gone for good (410), since somebody names them.

    Raises NotFound for a name that is no source, StoreError when the database does not work.
    """
    names = list(only) if only is not None else list(room.settings.sources)
    _check_names(room, names)
    async with room.store.read() as conn:
        known = await sources.all_sources(conn)
    if due_only:
        names = [name for name in names if _is_due(room, name, known.get(name))]
    if not names:
        return []
    async with fetcher(room) as asking:
        looks = [_gather_one(room, asking, name, known.get(name), gone_too) for name in names]
        results = await asyncio.gather(*looks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, SourceReport)]


def _check_names(room: Newsroom, names: Iterable[str]) -> None:
    for name in names:
        if name not in room.settings.sources:
            raise NotFound(f"there is no source {name!r}; there are: {', '.join(sorted(room.settings.sources))}")


def _is_due(room: Newsroom, name: str, row: SourceRow | None) -> bool:
    now = room.clock.now()
    if row is None or row.rules != keeping.rules_of(room, name):
        return True
    if row.status == "gone":
        return False
    # Asked in the future: the clock was put back, and what was planned by the old one means nothing.
    return row.next_check is None or row.next_check <= now or (row.asked_at is not None and row.asked_at > now)


async def _gather_one(
    room: Newsroom, asking: Fetcher, name: str, row: SourceRow | None, gone_too: bool
) -> SourceReport:
    begun = clock_module.monotonic()

    def report(status: str, found: int, new: int = 0, error: str | None = None) -> SourceReport:
        return SourceReport(name, status, found, new, error, clock_module.monotonic() - begun)

    found = row.found if row else 0
    if row and row.status == "gone" and not gone_too and row.rules == keeping.rules_of(room, name):
        return report("failed", found, 0, f"{row.error}: it is not asked any more")
    try:
        read = await _look(room, asking, name, row)
        new = await keeping.keep(room, read, row)
    except StoreError:
        raise
    except AskedToWait as error:
        await keeping.record_wait(room, name, error)
        return report("unchanged" if row and row.good_at else "failed", found, 0, str(error))
    except GatherError as error:
        words = one_line(str(error))
        await keeping.record_failure(room, name, error, words)
        return report("failed", found, 0, words)
    except Exception as error:  # a fault of ours: in the log with its traceback, and no other source's business
        _log.exception("source.fault", source=name)
        words = f"Digest cannot read this source ({type(error).__name__}); the log says more"
        await keeping.record_failure(room, name, error, words)
        return report("failed", found, 0, words)
    return report(read.status, read.found if read.status == "ok" else found, new, keeping.told(read))


async def _look(room: Newsroom, asking: Fetcher, name: str, row: SourceRow | None) -> SourceRead:
    now, source = room.clock.now(), room.settings.sources[name]
    instead = None
    if source.url and row and row.url == source.url:
        instead = adopted(source.url, row.moved_to, row.moved_since, now)
    return await read_source(
        asking, name, source, _validators(room, row, now), now, instead, parsers=room.parsers, in_pool=_in_pool(room)
    )


def _in_pool(room: Newsroom) -> Known:
    async def known(keys: Sequence[str]) -> set[str]:
        async with room.store.read() as conn:
            return await stories.known_links(conn, keys)

    return known


def _validators(room: Newsroom, row: SourceRow | None, now: datetime) -> Validators:
    """What makes the request conditional; nothing when the source's settings have changed, and after eight days."""
    if row is None or row.rules != keeping.rules_of(room, row.name):
        return Validators()
    if row.body_since is None or now - row.body_since >= BELIEVED:
        return Validators(body_hash=row.body_hash)
    return Validators(row.etag, row.last_modified, row.body_hash)


async def namers(conn: Connection, room: Newsroom, told: Iterable[IssueStory]) -> dict[int, str]:
    """In whose name the links of stories are asked, by story id: their source's address, or "" = anybody's.

    Anybody's open no host of ours. The source's does, as long as the story came from hosts of ours all the way, and after
    the last time that other people, by a redirect of whatever kind, had a say in what the source names.
    """
    known = await sources.all_sources(conn)
    chosen = {story.story_id: known.get(story.source) for story in told}
    came = await arrivals.came(conn, chosen)
    return {story_id: _named_by(room, row, came.get(story_id)) for story_id, row in chosen.items()}


def _named_by(room: Newsroom, row: SourceRow | None, came: datetime | None) -> str:
    source = room.settings.sources.get(row.name) if row else None
    if row is None or source is None or not source.url or source.url != row.url:
        return ""
    if came is None or (row.outside_at is not None and came <= row.outside_at):
        return ""
    return source.url if row.moved_to is None or Fetcher(room.settings.gather).is_ours(row.moved_to) else ""


async def present(room: Newsroom, name: str) -> frozenset[str] | None:
    """The ids of all stories that are in a folder source now; None when nobody can say. Nothing is stored."""
    source, now = room.settings.sources[name], room.clock.now()
    try:
        read = await asyncio.to_thread(read_own, name, source, Validators(), now)
    except GatherError:
        return None
    return read.present


async def try_source(room: Newsroom, name: str) -> SourceRead:
    """What a source gives now; nothing is stored but who asks us to wait. Raises NotFound, GatherError."""
    _check_names(room, [name])
    async with fetcher(room) as asking:
        return await read_source(
            asking, name, room.settings.sources[name], None, room.clock.now(), parsers=room.parsers
        )
