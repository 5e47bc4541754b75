from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model.hours import quiet_until

LONDON = ZoneInfo("Europe/London")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-23T21:59:59", None),
        ("2026-11-23T22:00", "2026-11-24T06:00"),
        ("2026-11-24T05:59:59", "2026-11-24T06:00"),
        ("2026-11-24T06:00", None),
        ("2026-07-01T21:30", "2026-07-02T05:00"),  # summer time: 22:30 in London
        ("2026-07-01T05:00", None),
    ],
)
def test_quiet_hours_are_read_on_the_newsletters_clock(now: str, until: str | None) -> None:
    assert quiet_until("22:00-06:00", LONDON, at(now)) == (at(until) if until else None)


def test_without_quiet_hours_it_is_never_quiet() -> None:
    assert quiet_until(None, LONDON, at("2026-11-23T23:00")) is None
    assert quiet_until("06:00-06:00", LONDON, at("2026-11-23T06:00")) is None


@given(
    minutes=st.integers(0, 366 * 24 * 60),
    begin=st.times().map(lambda each: each.replace(second=0, microsecond=0, tzinfo=None)),
    end=st.times().map(lambda each: each.replace(second=0, microsecond=0, tzinfo=None)),
    zone=st.sampled_from(["UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_quiet_hours_end_later_and_within_a_day_and_an_hour(minutes: int, begin: time, end: time, zone: str) -> None:
    now = at("2026-01-01T00:00") + timedelta(minutes=minutes)
    until = quiet_until(f"{begin:%H:%M}-{end:%H:%M}", ZoneInfo(zone), now)
    assert until is None or now < until <= now + timedelta(hours=25)
