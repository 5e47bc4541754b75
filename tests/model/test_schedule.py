"""Cron expressions to slots, across daylight saving, and slots to what must be done now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.model.schedule import Due, Duty, Rhythm, due, interval, is_skipped, next_slot, slots

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
]
CRONS = ["0 7 * * *", "30 2 * * *", "0 0 * * *", "*/15 * * * *", "30 1,2,3 * * *", "0 7 * * mon-fri", "59 23 28-31 * *"]


def rhythm(cron: str = "0 7 * * *", zone: str = "Europe/Berlin", **more: Any) -> Rhythm:
    values: dict[str, Any] = {"cutoff": timedelta(minutes=45), "late": timedelta(hours=2)}
    return Rhythm(cron, ZoneInfo(zone), **values | more)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN)  # type: ignore[arg-type,misc]


# -- slots -------------------------------------------------------------------------------------------------------------


def test_slots_are_read_on_the_clock_of_the_zone_and_given_in_utc() -> None:
    found = list(slots(rhythm(), berlin(2026, 7, 1), berlin(2026, 7, 3)))
    assert found == [utc(2026, 7, 1, 5), utc(2026, 7, 2, 5)]
    assert {slot.tzinfo for slot in found} == {UTC}


def test_the_beginning_is_left_out_and_the_end_is_not() -> None:
    start = berlin(2026, 7, 1, 7)
    assert list(slots(rhythm(), start, start + timedelta(days=1))) == [start + timedelta(days=1)]
    just_before = start - timedelta(microseconds=1)
    assert list(slots(rhythm(), just_before, start)) == [start]
    assert list(slots(rhythm(), just_before, just_before)) == []


def test_a_fixed_hour_keeps_its_place_on_the_clock_across_both_changes() -> None:
    for change in (date(2026, 3, 29), date(2026, 10, 25)):
        start = datetime(change.year, change.month, change.day, tzinfo=BERLIN) - timedelta(days=2)
        found = slots(rhythm(), start, start + timedelta(days=5))
        assert {slot.astimezone(BERLIN).time().isoformat() for slot in found} == {"07:00:00"}


def test_a_skipped_hour_comes_at_the_first_instant_after_the_gap() -> None:
    # 02:00 to 03:00 does not exist in Berlin on this day.
    found = slots(rhythm("30 2 * * *"), berlin(2026, 3, 28, 12), berlin(2026, 3, 30, 12))
    assert [slot.astimezone(BERLIN) for slot in found] == [berlin(2026, 3, 29, 3), berlin(2026, 3, 30, 2, 30)]


def test_a_doubled_hour_comes_once_the_first_time() -> None:
    found = slots(rhythm("30 2 * * *"), berlin(2026, 10, 24, 12), berlin(2026, 10, 26, 12))
    assert list(found) == [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)]


instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
around_changes = st.sampled_from(
    [utc(2026, 3, 29, 1), utc(2026, 10, 25, 1), utc(2026, 3, 8, 7), utc(2026, 11, 1, 6), utc(2026, 4, 4, 15)]
)
near = st.builds(lambda at, minutes: at + timedelta(minutes=minutes), around_changes, st.integers(-180, 180))
spans = st.timedeltas(timedelta(), timedelta(days=3))


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(CRONS), st.sampled_from(ZONES), near | instants, spans, st.floats(0, 1))
@example("30 2 * * *", "Europe/Berlin", utc(2026, 10, 25, 0), timedelta(days=1), 0.05)
@example("*/15 * * * *", "Europe/Berlin", utc(2026, 10, 24, 23), timedelta(hours=4), 0.5)
def test_slots_are_increasing_within_bounds_and_the_same_however_time_is_cut(
    cron: str, zone: str, after: datetime, span: timedelta, cut: float
) -> None:
    each, until, middle = rhythm(cron, zone), after + span, after + span * cut
    whole = list(slots(each, after, until))
    assert all(after < slot <= until for slot in whole)
    assert all(one < other for one, other in pairwise(whole))
    assert [*slots(each, after, middle), *slots(each, middle, until)] == whole


# -- the next one, and how often ---------------------------------------------------------------------------------------


def test_the_next_slot_is_not_on_a_skipped_date() -> None:
    holiday = rhythm(skip_dates=frozenset({date(2026, 12, 25), date(2026, 12, 26)}))
    assert next_slot(holiday, berlin(2026, 12, 24, 7)) == berlin(2026, 12, 27, 7)
    assert next_slot(holiday, berlin(2026, 12, 24, 6)) == berlin(2026, 12, 24, 7)


def test_a_skipped_date_is_one_on_the_clock_of_the_zone() -> None:
    late = rhythm("30 0 * * *", "Pacific/Auckland", skip_dates=frozenset({date(2026, 7, 2)}))
    [slot] = slots(late, utc(2026, 7, 1, 0), utc(2026, 7, 1, 23))
    assert slot == utc(2026, 7, 1, 12, 30)
    assert is_skipped(late, slot)
    assert not is_skipped(late, slot + timedelta(days=1))


def test_a_schedule_that_never_comes_has_no_next_slot() -> None:
    every_day = frozenset(date(2026, 1, 1) + timedelta(days=day) for day in range(6 * 366))
    assert next_slot(rhythm(skip_dates=every_day), utc(2026, 1, 1)) is None


@pytest.mark.parametrize(
    ("cron", "longest"),
    [("0 7 * * *", timedelta(days=1)), ("0 7 * * mon-fri", timedelta(days=3)), ("0 7,12 * * *", timedelta(hours=19))],
)
def test_the_interval_is_the_longest_pause(cron: str, longest: timedelta) -> None:
    assert interval(rhythm(cron, "UTC"), utc(2026, 7, 1)) == longest


# -- what is due -------------------------------------------------------------------------------------------------------

SLOT = utc(2026, 7, 1, 7)
DAILY = rhythm(zone="UTC")
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "duty"),
    [
        (SLOT - timedelta(minutes=45) - SECOND, None),
        (SLOT - timedelta(minutes=45), Duty.BUILD),
        (SLOT - SECOND, Duty.BUILD),
        (SLOT, Duty.SEND),
        (SLOT + timedelta(hours=2), Duty.SEND),
        (SLOT + timedelta(hours=2) + SECOND, Duty.HOLD),
        (SLOT + timedelta(hours=23), Duty.HOLD),
    ],
)
def test_what_a_slot_asks_for(now: datetime, duty: Duty | None) -> None:
    assert due(DAILY, SLOT - timedelta(hours=12), now) == ([] if duty is None else [Due(SLOT, duty)])


@pytest.mark.parametrize("hours", [-0.5, 0, 1, 5])
def test_a_skipped_date_asks_for_a_skip_whenever_it_is_looked_at(hours: float) -> None:
    holiday = rhythm(zone="UTC", skip_dates=frozenset({SLOT.date()}))
    assert due(holiday, SLOT - timedelta(hours=12), SLOT + timedelta(hours=hours)) == [Due(SLOT, Duty.SKIP_DATE)]


def test_of_several_missed_slots_the_newest_counts() -> None:
    day = timedelta(days=1)
    assert due(DAILY, SLOT - SECOND, SLOT + 2 * day) == [
        Due(SLOT, Duty.SUPERSEDED),
        Due(SLOT + day, Duty.SUPERSEDED),
        Due(SLOT + 2 * day, Duty.SEND),
    ]


def test_a_slot_that_is_still_to_come_supersedes_nothing() -> None:
    hourly = rhythm("0 * * * *", "UTC", late=timedelta(hours=2))
    assert due(hourly, SLOT - SECOND, SLOT + timedelta(minutes=30)) == [
        Due(SLOT, Duty.SEND),
        Due(SLOT + timedelta(hours=1), Duty.BUILD),
    ]


def test_a_skipped_date_supersedes_nothing() -> None:
    day = timedelta(days=1)
    holiday = rhythm(zone="UTC", late=2 * day, skip_dates=frozenset({(SLOT + day).date()}))
    assert due(holiday, SLOT - SECOND, SLOT + day) == [Due(SLOT, Duty.SEND), Due(SLOT + day, Duty.SKIP_DATE)]


def test_what_was_before_the_schedule_began_is_nobodys_promise() -> None:
    assert due(DAILY, SLOT, SLOT + timedelta(hours=1)) == []
