"""From when on each mail of an issue may leave, decided when it is frozen: by its readers' clocks, and by the days' quotas
where its newsletter warms up.

What is not here: the arithmetic (model/plan), what keeps a mail that is due already (due, pacing).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from digest.audience.rule import audience_of
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue
from digest.model.plan import Batch, at_once, by_quota, by_their_clocks, when, words
from digest.store import quotas, recipients
from digest.store.engine import Connection

Zones = Mapping[str | None, int]
"""How many live in which time zone."""


async def freeze(conn: Connection, room: Newsroom, issue: Issue, departure: datetime, now: datetime) -> int:
    """Write the delivery of each recipient of an issue that leaves at `departure`; say how many."""
    audience = audience_of(issue.newsletter, room.settings.newsletter(issue.newsletter))
    zones = await recipients.zones(conn, audience) if _is_spread(room, issue.newsletter) else {}
    days = await _days(conn, room, issue, departure, sum(zones.values()), lock=True)
    total = 0
    for day, number in days:
        batch = _batch(room, issue, departure, day, zones)
        after = await recipients.last(conn, issue.id) if total else None
        most = None if day == days[-1][0] else number
        written = await recipients.freeze(
            conn, issue.id, audience, batch.at, now, by_zone=batch.by_zone, after=after, most=most
        )
        if issue.newsletter in room.settings.delivery.warmup:
            await quotas.plan(conn, issue.id, day, written)
        total += written
    return total


def _is_spread(room: Newsroom, newsletter: str) -> bool:
    return room.settings.newsletter(newsletter).local_time or newsletter in room.settings.delivery.warmup


async def _days(
    conn: Connection, room: Newsroom, issue: Issue, departure: datetime, number: int, *, lock: bool = False
) -> list[tuple[date, int]]:
    """How many leave on which day, on the newsletter's clock."""
    today = departure.astimezone(room.settings.zone_of(issue.newsletter)).date()
    warmup = room.settings.delivery.warmup.get(issue.newsletter)
    if warmup is None:
        return [(today, number)]
    used = await quotas.used(conn, issue.newsletter, lock=lock)
    return by_quota(number, today, used, warmup.first, warmup.factor)


def _batch(room: Newsroom, issue: Issue, departure: datetime, day: date, zones: Zones) -> Batch:
    """When those leave whose day this is: at the hour of the departure, or by their clocks."""
    own = room.settings.zone_of(issue.newsletter)
    local = departure.astimezone(own)
    at = departure if day == local.date() else datetime.combine(day, local.time(), own).astimezone(departure.tzinfo)
    if not room.settings.newsletter(issue.newsletter).local_time:
        return at_once(at)
    return by_their_clocks(issue.slot if at == departure else at, at, own, zones)


async def expected(room: Newsroom, issue: Issue) -> str:
    """In words how many would leave at once if the issue were let go now, and when the last; "" when all at once."""
    if not _is_spread(room, issue.newsletter):
        return ""
    departure = room.clock.now() + room.settings.delivery.grace
    async with room.store.read() as conn:
        zones = await recipients.zones(conn, audience_of(issue.newsletter, room.settings.newsletter(issue.newsletter)))
        days = await _days(conn, room, issue, departure, sum(zones.values()))
    waits: dict[datetime, int] = {}
    for day, number in days:
        batch = _batch(room, issue, departure, day, zones)
        # Who lives where is not counted by days: of several days each stands for itself.
        for zone, living in zones.items() if len(days) == 1 else [(None, number)]:
            at = batch.by_zone.get(zone or "", batch.at)
            waits[at] = waits.get(at, 0) + living
    return words(waits, departure)


async def planned(room: Newsroom, issue: Issue) -> str:
    """The same of an approved issue."""
    if issue.not_before is None or not _is_spread(room, issue.newsletter):
        return ""
    async with room.store.read() as conn:
        return words(await recipients.starts(conn, issue.id), issue.not_before)


async def waiting(room: Newsroom, issue: Issue, now: datetime) -> str:
    """How many of an issue that is being sent wait for their hour; "" when none does."""
    async with room.store.read() as conn:
        number, last = await recipients.later(conn, issue.id, now)
    wait = "1 waits for its hour" if number == 1 else f"{number:,} wait for their hour"
    return f"{wait}, the last leaves {when(last, now)}" if last else ""


async def give_up(conn: Connection, room: Newsroom, issue: Issue) -> None:
    """What the issue was to send on days to come is free for others."""
    today = room.clock.now().astimezone(room.settings.zone_of(issue.newsletter)).date()
    await quotas.release(conn, issue.id, after=today)
