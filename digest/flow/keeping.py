"""What one look at a source leaves behind: stories in the pool, its health, when it is asked next, a word to the editors.

What is not here: asking (gathering), and showing how sources fare (source_health).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from digest import log
from digest.errors import AskedToWait, GatherError, PageChanged, one_line
from digest.flow import notify
from digest.flow.newsroom import Newsroom
from digest.gather.renamed import Twin, renamed
from digest.gather.sources import SourceRead
from digest.gather.timing import next_check
from digest.model.story import UNDATED_AGE, RawStory
from digest.store import arrivals, cooldowns, events, names, revisions, sources, stories
from digest.store.sources import SourceRow

OLD = UNDATED_AGE
"""Stories of this age and more are not shown in the pool."""
TELL_AFTER = timedelta(days=1)
"""How long a source fails before the editors are told."""
_CHUNK = 50
"""Stories kept in one transaction: a long feed must not keep others from writing."""
_COUNTS = 10
_ERROR_MAX = 1000
_WARNINGS = 5
"""So many are told in full."""
_NAMED = 50
"""So many of the others by name: a folder of another kind has thousands of them."""

_log = log.get(__name__)


def rules_of(room: Newsroom, name: str) -> str:
    """A fingerprint of a source's settings: with other rules an unchanged page has to be read again."""
    return sha256(room.settings.sources[name].model_dump_json().encode()).hexdigest()


# -- a good look -------------------------------------------------------------------------------------------------------


async def keep(room: Newsroom, read: SourceRead, row: SourceRow | None) -> int:
    """Keep what a source gave, and that it is well; how many stories are new.

    The stories first: a process that dies in between reads the source again, and knows again what it has kept.
    """
    source = room.settings.sources[read.name]
    if source.kind == "push":
        return 0  # when it was last heard of is for those to say who push
    if read.present is not None:
        new = await _mirror(room, read, read.present)
        await _record_good(room, read)
        return new
    first = row is None or row.good_at is None or (row.url is not None and row.url != source.url)
    dateless_is_old = first and source.kind == "feed"
    found = await _without_renamed(room, read)
    new = 0
    for start in range(0, len(found), _CHUNK):
        new += await _add(room, read, found[start : start + _CHUNK], dateless_is_old)
    await _record_good(room, read)
    return new


async def _without_renamed(room: Newsroom, read: SourceRead) -> Sequence[RawStory]:
    """The stories but for those that are known and were only given new names; these get them."""
    found = read.stories
    async with room.store.read() as conn:
        known = await names.recognised(conn, read.name, found)
        if 2 * (len(found) - len(known)) <= len(found):
            return found
        titled = await names.titled(conn, read.name, (raw.title_key for raw in found))
    pairs = renamed(found, known, [Twin(each.story_id, each.title_key, each.published) for each in titled])
    if pairs:
        _log.info("source.renamed", source=read.name, stories=len(pairs))
        async with room.store.write() as conn:
            if not read.inside:
                # After all that it named so far: their links are its word as well from now on, whatever the clocks said.
                named_up_to = await arrivals.looked_up_to(conn, [read.name], room.clock.now())
                await sources.note_outside(conn, read.name, named_up_to)
            for position, story_id in pairs.items():
                await names.rename(conn, story_id, found[position])
    return [raw for position, raw in enumerate(found) if position not in pairs]


async def _add(room: Newsroom, read: SourceRead, found: Sequence[RawStory], dateless_is_old: bool) -> int:
    async with room.store.write() as conn:
        # Here: whoever chooses for an issue after us sees these stories, and before us none of them.
        now = await arrivals.order(conn, room.clock.now())
        if not read.inside:
            await sources.note_outside(conn, read.name, now)
        dated = [
            replace(raw, published=now - UNDATED_AGE) if dateless_is_old and not raw.published else raw for raw in found
        ]
        new, refused = await stories.add_all(conn, dated, now)
    for reason in refused:
        _log.warning("story.refused", source=read.name, reason=reason)
    return new


async def _mirror(room: Newsroom, read: SourceRead, present: Collection[str]) -> int:
    """What a source says that is the truth about its stories, in one transaction: no issue sees half of it."""
    async with room.store.write() as conn:
        now = await arrivals.order(conn, room.clock.now())
        return await revisions.mirror(conn, read.name, read.stories, present, now)


def told(read: SourceRead) -> str | None:
    """What is wrong with parts of a source that is well on the whole: of many, the first in full, the others by name.

    None if nothing.
    """
    rest = [warning.partition(": ")[0] for warning in read.warnings[_WARNINGS:]]
    return "; ".join((*read.warnings[:_WARNINGS], *([_more(rest, read.name)] if rest else []))) or None


def _more(names: Sequence[str], name: str) -> str:
    listed = ", ".join((*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])))
    return f"and {len(names)} more ({listed}): `digest sources try {name}` says what is wrong with each"


async def _record_good(room: Newsroom, read: SourceRead) -> None:
    async with room.store.write() as conn:
        row = await sources.source(conn, read.name)
        now = room.clock.now()
        values: dict[str, Any] = {
            "asked_at": now, "good_at": now, "error": told(read), "failures": 0, "failing_since": None, "told_at": None,
            "rules": rules_of(room, read.name), "url": room.settings.sources[read.name].url,
        }  # fmt: skip
        values |= asdict(read.validators) | _moved(room, read, row, now) | _counted(read, row)
        if read.asked_whole or row is None:
            values["body_since"] = now
        wish_s = min(int(read.wish.total_seconds()), 10**9) if read.wish else None
        if wish_s is None and not read.asked_whole and row:  # a 304 does not repeat what the body said
            wish_s = row.wish_s
        values["wish_s"] = wish_s
        values["next_check"] = now + _until_next(room, timedelta(seconds=wish_s) if wish_s else None, 0)
        await sources.record(conn, read.name, **values)
        if row and row.told_at:
            await events.add(conn, now, room.actor, "source.well", source=read.name)


def _moved(room: Newsroom, read: SourceRead, row: SourceRow | None, now: datetime) -> dict[str, Any]:
    if read.moved_to is None:
        return {"moved_to": None, "moved_since": None}
    known = row is not None and row.moved_to == read.moved_to and row.url == room.settings.sources[read.name].url
    return {"moved_to": read.moved_to, "moved_since": row.moved_since if row and known else now}


def _counted(read: SourceRead, row: SourceRow | None) -> dict[str, Any]:
    if read.status != "ok":
        return {"status": "ok" if row and row.found else "empty"}
    counts = [*((row.counts if row else None) or []), read.found]
    return {"status": "ok" if read.found else "empty", "found": read.found, "counts": counts[-_COUNTS:]}


def _until_next(room: Newsroom, wish: timedelta | None, failures: int) -> timedelta:
    return next_check(room.settings.gather.every, wish, failures, random.random())


# -- a look that failed ------------------------------------------------------------------------------------------------


async def record_failure(room: Newsroom, name: str, error: Exception, words: str) -> None:
    """Keep that a source failed, and why; tell the editors when that lasts, or is for good (410)."""
    async with room.store.write() as conn:
        row = await sources.source(conn, name)
        now = room.clock.now()
        failures = (row.failures if row else 0) + 1
        since = (row.failing_since if row else None) or now
        status = _status_of(error)
        values: dict[str, Any] = {
            "asked_at": now, "status": status, "error": one_line(words)[:_ERROR_MAX], "failures": failures,
            "failing_since": since, "next_check": now + _until_next(room, None, failures),
        }  # fmt: skip
        if row is None or row.rules != rules_of(room, name):
            # What was read by other rules is not known by these.
            values |= {"rules": rules_of(room, name), "etag": None, "last_modified": None, "body_hash": None}
        if not (row and row.told_at) and (status == "gone" or now - since >= TELL_AFTER):
            await events.add(conn, now, room.actor, "source.failing", reason=values["error"], source=name)
            await notify.source_failing(conn, room, name, since, values["error"])
            values["told_at"] = now
        await sources.record(conn, name, **values)
    await save_cooldowns(room)  # now: other processes are not to ask while the rest of our sources is read


def _status_of(error: Exception) -> str:
    if isinstance(error, GatherError) and error.status == 410:
        return "gone"
    return "broken" if isinstance(error, PageChanged) else "failed"


async def record_wait(room: Newsroom, name: str, error: AskedToWait) -> None:
    """Keep that a source is not asked before its server allows it; how it fared before stays as it was."""
    async with room.store.write() as conn:
        row = await sources.source(conn, name)
        values: dict[str, Any] = {"status": row.status if row else "failed", "next_check": error.until}
        if row is None:
            values |= {"error": one_line(str(error)), "rules": rules_of(room, name)}
        await sources.record(conn, name, **values)
    await save_cooldowns(room)


async def save_cooldowns(room: Newsroom) -> None:
    """Keep who has asked us to wait since this was last done."""
    if not (changes := room.courtesy.cooldowns.changes()):
        return
    async with room.store.write() as conn:
        await cooldowns.keep(
            conn, {domain: (each.until, each.strikes) if each else None for domain, each in changes.items()}
        )
    room.courtesy.cooldowns.kept(changes)  # not before the commit: what a database in trouble refused is kept later
