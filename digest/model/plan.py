"""From when on each recipient's mail may leave: by her own clock, and by the quota of the day
where a newsletter warms up. Pure: zones and instants in, instants out.

What is not here: who the recipients are and the rows of the ledger (store/recipients).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.model.subscriber import zone_named

ENDLESS = 10**9
"""A quota that is none."""
MORNING = time(7)
"""The hour at which an issue comes by the reader's own clock."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Recipients whose deliveries are written together.

    at: from when those may leave whose zone is not known. by_zone: from when the others may.
    """

    at: datetime
    by_zone: Mapping[str, datetime]


def at_once(departure: datetime) -> Batch:
    """All of them at the departure, whatever their clocks say."""
    return Batch(departure, {})


def by_their_clocks(slot: datetime, departure: datetime, own: ZoneInfo, zones: Iterable[str | None]) -> Batch:
    """Each at seven in the morning, by her clock, of the slot's day; where that is past at the departure, then.

    own: the newsletter's zone: it says which day that is, and stands for those whose own is not known.
    """
    # An editor may let it go before its slot: what counts is the day on which she does.
    day = min(slot, departure).astimezone(own).date()
    mornings = {name: zone for name in zones if name and (zone := zone_named(name))}
    by_zone = {name: max(departure, morning(day, zone)) for name, zone in mornings.items()}
    return Batch(max(departure, morning(day, own)), by_zone)


def morning(day: date, zone: ZoneInfo) -> datetime:
    """Seven in the morning of a day in `zone`, UTC.

    Of two such hours, where a clock is put back, the first; where it is put forward over it, as much later.
    """
    return datetime.combine(day, MORNING, zone).astimezone(UTC)


# -- warming up --------------------------------------------------------------------------------------------------------


def quota(day: int, first: int, factor: float) -> int:
    """Mails that may leave on a day of mail, counted from 0."""
    return ENDLESS if day * math.log(factor) > math.log(ENDLESS / first) else int(first * factor**day)


def by_quota(
    recipients: int, today: date, used: Mapping[date, int], first: int, factor: float
) -> list[tuple[date, int]]:
    """How many of the recipients are mailed on which day, from today on. used: what is planned already, by day.

    Days are counted as they have mail: a weekly newsletter warms up week by week.
    """
    found, left, day, number = [], recipients, today, sum(each < today for each in used)
    while left > 0:
        here = min(left, max(0, quota(number, first, factor) - used.get(day, 0)))
        if here:
            found.append((day, here))
        left, day, number = left - here, day + timedelta(days=1), number + 1
    return found


# -- words -------------------------------------------------------------------------------------------------------------


def words(waits: Mapping[datetime, int], departure: datetime) -> str:
    """Such as "1,204 at once, the last at 14:00 UTC"; "" when all leave at once. waits: how many may leave from when."""
    later = [at for at in waits if at > departure]
    if not later:
        return ""
    first = sum(number for at, number in waits.items() if at <= departure)
    return f"{f'{first:,}' if first else 'none'} at once, the last {when(max(later), departure)}"


def when(at: datetime, now: datetime) -> str:
    """An instant to come, with its day unless that is today's: "at 14:00 UTC", "on 24 November at 02:00 UTC"."""
    day = "" if at.date() == now.astimezone(UTC).date() else f"on {at.day} {at:%B} "
    return f"{day}at {at:%H:%M} UTC"
