"""Hours of the day in which nothing leaves. Pure arithmetic on instants that are given."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(quiet: str | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The end of the quiet hours that hold at `now`, UTC; None when none do. quiet: such as "22:00-06:00".

    Read on the clock of `zone`: where daylight saving skips the end, it comes with the first instant after the gap.
    """
    if quiet is None:
        return None
    begin, end = (time.fromisoformat(each) for each in quiet.split("-"))
    local = now.astimezone(zone)
    clock = local.time()
    inside = begin <= clock < end if begin < end else clock >= begin or clock < end
    if begin == end or not inside:
        return None
    day = local.date() + timedelta(days=clock >= begin and begin > end)
    over = datetime.combine(day, end, zone).astimezone(UTC)
    # Between the two hours that are one on the clock it is quiet once more: never an end that has passed.
    return over if over > now else datetime.combine(day, end, zone).replace(fold=1).astimezone(UTC)
