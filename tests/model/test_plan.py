"""From when on a mail may leave: seven by each reader's clock, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model.plan import ENDLESS, by_quota, by_their_clocks, morning, quota, when, words


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"}))
DAYS = st.dates(date(1950, 1, 1), date(2036, 1, 1))
INSTANTS = st.builds(
    lambda day, minutes: utc(day.year, day.month, day.day) + timedelta(minutes=minutes), DAYS, st.integers(0, 1439)
)
LONDON = ZoneInfo("Europe/London")


@given(day=DAYS, zone=ZONES)
def test_seven_is_seven_on_her_clock_that_day_but_where_it_was_put_forward_over_it(day: date, zone: str) -> None:
    local = morning(day, ZoneInfo(zone)).astimezone(ZoneInfo(zone))
    if local.replace(tzinfo=None) != datetime.combine(day, time(7)):
        before = (local.astimezone(UTC) - timedelta(hours=48)).astimezone(ZoneInfo(zone))
        assert before.utcoffset() < local.utcoffset()  # type: ignore[operator]
        assert local.replace(tzinfo=None) > datetime.combine(day, time(7))


@given(slot=INSTANTS, late=st.integers(0, 48), zones=st.sets(ZONES, max_size=9))
def test_nobody_before_the_departure_and_nobody_a_day_after_it(slot: datetime, late: int, zones: set[str]) -> None:
    departure = slot + timedelta(hours=late)
    batch = by_their_clocks(slot, departure, LONDON, [*zones, None])
    assert set(batch.by_zone) == zones
    for at in (batch.at, *batch.by_zone.values()):
        assert departure <= at < max(departure + timedelta(seconds=1), slot + timedelta(hours=24 + 19))


@pytest.mark.parametrize(
    ("zone", "slot", "leaves"),
    [
        ("America/New_York", utc(2026, 11, 23, 7), utc(2026, 11, 23, 12)),
        ("Asia/Tokyo", utc(2026, 11, 23, 7), utc(2026, 11, 23, 7)),  # it is 16:00 there
        ("America/Los_Angeles", utc(2026, 11, 23, 7), utc(2026, 11, 23, 15)),  # it is the evening before there
        ("Pacific/Auckland", utc(2026, 11, 22, 17), utc(2026, 11, 22, 17)),
        ("America/New_York", utc(2026, 3, 8, 5, 30), utc(2026, 3, 8, 11)),  # put forward between slot and seven
        ("America/New_York", utc(2026, 11, 1, 4, 30), utc(2026, 11, 1, 12)),  # put back
    ],
)
def test_a_table_of_clocks(zone: str, slot: datetime, leaves: datetime) -> None:
    assert by_their_clocks(slot, slot, LONDON, [zone]).by_zone == {zone: leaves}


def test_a_zone_that_is_no_more_is_read_by_the_newsletters_clock() -> None:
    batch = by_their_clocks(utc(2026, 11, 23, 5), utc(2026, 11, 23, 5), LONDON, ["Nowhere/Town", None])
    assert (batch.at, batch.by_zone) == (utc(2026, 11, 23, 7), {})


def test_let_go_before_its_slot_the_day_is_that_on_which_it_goes() -> None:
    batch = by_their_clocks(utc(2026, 11, 25, 7), utc(2026, 11, 23, 8), LONDON, ["America/New_York"])
    assert (batch.at, batch.by_zone["America/New_York"]) == (utc(2026, 11, 23, 8), utc(2026, 11, 23, 12))


def test_the_words_say_how_many_at_once_and_when_the_last() -> None:
    at = utc(2026, 11, 23, 7)
    assert (
        words({at: 1204, utc(2026, 11, 23, 12): 1, utc(2026, 11, 23, 14): 3}, at)
        == "1,204 at once, the last at 14:00 UTC"
    )
    assert words({at: 1204}, at) == words({}, at) == ""
    assert words({utc(2026, 11, 24, 1): 3}, at) == "none at once, the last on 24 November at 01:00 UTC"
    assert when(utc(2026, 11, 23, 9), at) == "at 09:00 UTC"


# -- warming up --------------------------------------------------------------------------------------------------------

MONDAY = date(2026, 11, 23)


@given(
    recipients=st.integers(0, 100_000),
    used=st.dictionaries(st.integers(-5, 5), st.integers(0, 5000), max_size=8),
    first=st.integers(1, 2000),
    factor=st.floats(1.2, 10),
)
def test_everybody_has_a_day_and_no_day_is_over_its_quota(
    recipients: int, used: dict[int, int], first: int, factor: float
) -> None:
    planned = {MONDAY + timedelta(days=day): number for day, number in used.items()}
    days = by_quota(recipients, MONDAY, planned, first, factor)
    assert sum(number for _, number in days) == recipients
    assert all(number > 0 for _, number in days)
    before = sum(day < MONDAY for day in planned)
    for day, number in days:
        allowed = quota(before + (day - MONDAY).days, first, factor)
        assert number + planned.get(day, 0) <= max(allowed, planned.get(day, 0))
        assert day >= MONDAY


@given(day=st.integers(0, 100_000), first=st.integers(1, 10**9), factor=st.floats(1, 10))
def test_a_quota_grows_to_an_end(day: int, first: int, factor: float) -> None:
    assert first <= quota(day, first, factor) <= quota(day + 1, first, factor) <= ENDLESS


def test_a_table_of_quotas() -> None:
    days = by_quota(1000, MONDAY, {MONDAY: 50, MONDAY - timedelta(days=7): 200}, 200, 1.5)
    assert days == [(MONDAY, 250), (date(2026, 11, 24), 450), (date(2026, 11, 25), 300)]
    assert [quota(day, 200, 1.5) for day in range(6)] == [200, 300, 450, 675, 1012, 1518]
