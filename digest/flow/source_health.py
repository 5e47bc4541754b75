"""How the sources fare, for editors, for the summary of an issue and for machines that watch us.

What is not here: asking them (gathering), and writing down how they fare (keeping).
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

from digest.flow.newsroom import Newsroom
from digest.gather.cooldown import Cooldown, Cooldowns
from digest.gather.sources import adopted
from digest.store import cooldowns, sources
from digest.store.engine import Connection
from digest.store.sources import SourceRow

BAD = frozenset({"failed", "broken", "gone"})
"""The statuses of a source that brings nothing, and should."""
ALARM_BELOW = 3
"""An alarm is given below a third of the usual count."""


async def learn_cooldowns(conn: Connection, known: Cooldowns) -> None:
    """Take over which servers have asked this site to wait, whichever process they said it to."""
    known.learn(Cooldown(row.domain, row.until, row.strikes) for row in await cooldowns.all_cooldowns(conn))


async def broken(conn: Connection, names: Iterable[str]) -> list[tuple[str, str]]:
    """Those of the sources `names` that failed when they were last asked, with the fault in plain words."""
    known = await sources.all_sources(conn)
    rows = [known[name] for name in names if name in known]
    return [(row.name, row.error or "it could not be read") for row in rows if row.status in BAD]


async def health(room: Newsroom) -> list[dict[str, Any]]:
    """How each source of the settings fares; status "new" for one that was never asked.

    found: items at the last good look; usual: the median of the looks before; alarm: words when it is far below.
    next_check: when the daemon asks it next, None = never. cooldown_until: when its server wants to be asked again.
    adopted: the address that is asked in place of `url`; moved_to: where it redirects to for good since `moved_since`.
    """
    async with room.store.read() as conn:
        known = await sources.all_sources(conn)
        await learn_cooldowns(conn, room.courtesy.cooldowns)
    return [_row(room, name, known.get(name) or SourceRow(name, "new", 0)) for name in room.settings.sources]


def _row(room: Newsroom, name: str, row: SourceRow) -> dict[str, Any]:
    url, now = room.settings.sources[name].url, room.clock.now()
    moved_to = row.moved_to if row.url == url else None
    instead = adopted(url, moved_to, row.moved_since, now) if url else None
    cooldown = room.courtesy.cooldowns.of(instead or url, now) if url else None
    return {
        "name": name,
        "status": row.status,
        "found": row.found,
        "usual": usual(row.counts or []),
        "alarm": alarm(row.counts or []),
        "url": url,
        "adopted": instead,
        "moved_to": moved_to,
        "moved_since": row.moved_since if moved_to else None,
        "asked_at": row.asked_at,
        "good_at": row.good_at,
        "next_check": None if row.status == "gone" else row.next_check,
        "cooldown_until": cooldown.until if cooldown else None,
        "failing_since": row.failing_since,
        "error": row.error,
    }


def usual(counts: list[int]) -> int | None:
    """How many items a source usually has, by its looks before the last one; None: there was none before."""
    return round(median(counts[:-1])) if len(counts) > 1 else None


def alarm(counts: list[int]) -> str | None:
    """Words when the last count is below a third of the usual one; None: all is as usual."""
    expected = usual(counts)
    if expected is None or counts[-1] * ALARM_BELOW >= expected:
        return None
    return f"only {counts[-1]} item{'s' if counts[-1] != 1 else ''}, usually {expected}"
