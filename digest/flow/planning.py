"""From when on each mail of an issue may leave, decided when it is frozen: by its readers' clocks.

What is not here: the arithmetic (model/plan), what keeps a mail that is due already (due, pacing).
"""

from __future__ import annotations

from datetime import datetime

from digest.audience.rule import audience_of
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue
from digest.model.plan import Batch, at_once, by_their_clocks, when, words
from digest.store import recipients
from digest.store.engine import Connection


async def freeze(conn: Connection, room: Newsroom, issue: Issue, departure: datetime, now: datetime) -> int:
    """Write the delivery of each recipient of an issue that leaves at `departure`; say how many."""
    audience = audience_of(issue.newsletter, room.settings.newsletter(issue.newsletter))
    batch = await _plan(conn, room, issue, departure)
    return await recipients.freeze(conn, issue.id, audience, batch.at, now, by_zone=batch.by_zone)


async def _plan(conn: Connection, room: Newsroom, issue: Issue, departure: datetime) -> Batch:
    newsletter = room.settings.newsletter(issue.newsletter)
    if not newsletter.local_time:
        return at_once(departure)
    zones = await recipients.zones(conn, audience_of(issue.newsletter, newsletter))
    return by_their_clocks(issue.slot, departure, room.settings.zone_of(issue.newsletter), zones)


async def expected(room: Newsroom, issue: Issue) -> str:
    """In words how many would leave at once if the issue were let go now, and when the last; "" when all at once."""
    newsletter = room.settings.newsletter(issue.newsletter)
    if not newsletter.local_time:
        return ""
    departure = room.clock.now() + room.settings.delivery.grace
    async with room.store.read() as conn:
        zones = await recipients.zones(conn, audience_of(issue.newsletter, newsletter))
    batch = by_their_clocks(issue.slot, departure, room.settings.zone_of(issue.newsletter), zones)
    waits: dict[datetime, int] = {}
    for zone, number in zones.items():
        at = batch.by_zone.get(zone or "", batch.at)
        waits[at] = waits.get(at, 0) + number
    return words(waits, departure)


async def planned(room: Newsroom, issue: Issue) -> str:
    """The same of an approved issue."""
    if issue.not_before is None or not room.settings.newsletter(issue.newsletter).local_time:
        return ""
    async with room.store.read() as conn:
        return words(await recipients.starts(conn, issue.id), issue.not_before)


async def waiting(room: Newsroom, issue: Issue, now: datetime) -> str:
    """How many of an issue that is being sent wait for their hour; "" when none does."""
    async with room.store.read() as conn:
        number, last = await recipients.later(conn, issue.id, now)
    wait = "1 waits for its hour" if number == 1 else f"{number:,} wait for their hour"
    return f"{wait}, the last leaves {when(last, now)}" if last else ""
