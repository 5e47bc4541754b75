from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.gather.dates import parse_date


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-02T08:15:30Z", "2026-11-02T08:15:30"),
        ("2026-11-02T08:15:30.123456+05:30", "2026-11-02T02:45:30.123456"),
        ("2026-11-02 08:15", "2026-11-02T08:15:00"),
        ("2026-11-02", "2026-11-02T00:00:00"),
        ("20261102T081530Z", "2026-11-02T08:15:30"),
        ("2026-11-02T08:15:30-05:00Z", "2026-11-02T13:15:30"),
        ("Mon, 02 Nov 2026 08:15:30 GMT", "2026-11-02T08:15:30"),
        ("Mon, 02 Nov 26 08:15:30 +0100", "2026-11-02T07:15:30"),
        ("Mon, 2 Nov 2026 08:15 EST", "2026-11-02T13:15:00"),
        ("02 Nov 2026 08:15:30 AEDT", "2026-11-01T21:15:30"),
        ("02 Nov 2026 08:15:30 XYZ", "2026-11-02T08:15:30"),
        ("02 Nov 2026 08:15:30 Europe/Berlin", "2026-11-02T07:15:30"),
        ("25 Oct 2026 12:00 Europe/Berlin", "2026-10-25T11:00:00"),
        ("02 Nov 2026 08:15:30 +9900", "2026-11-02T08:15:30"),
        ("02 Nov 2026 08:15:30 GMT+2", "2026-11-02T06:15:30"),
        ("November 2nd, 2026 at 3:07pm EDT", "2026-11-02T19:07:00"),
        ("Monday, November 2, 2026 - 12:30 a.m.", "2026-11-02T00:30:00"),
        ("Montag, 2. November 2026 - 15:54", "2026-11-02T15:54:00"),
        ("mar., 03 nov. 2026 16:11:02 +0000", "2026-11-03T16:11:02"),
        ("2 de noviembre de 2026", "2026-11-02T00:00:00"),
        ("2 ноября 2026, 10:00", "2026-11-02T10:00:00"),
        ("2026年11月2日 10:05", "2026-11-02T10:05:00"),
        ("02.11.2026 08:15", "2026-11-02T08:15:00"),
        ("Mon, 11/02/2026", "2026-11-02T00:00:00"),
        ("10/31/2026", "2026-10-31T00:00:00"),
        ("2026-11-02 24:00:00", "2026-11-03T00:00:00"),
        ("1793607330", "2026-11-02T08:15:30"),
        ("1793607330000", "2026-11-02T08:15:30"),
        ("Nov 2026", "2026-11-01T00:00:00"),
    ],
)
def test_a_date_is_read_as_it_was_meant(text: str, instant: str, now: datetime) -> None:
    assert parse_date(text, now) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [None, "", " ", "soon", "2026-", "32 Nov 2026", "2026-13-40", "Mon, 02 Nov 2026 99:99", "1970-01-01T00:00:00Z",
     "Thu, 01 Jan 1970 00:00:00 GMT", "1994-12-31", "0", "2099-01-01", "0001-01-01T00:00:00Z", "yesterday at noon"],
)  # fmt: skip
def test_what_is_no_date_of_a_story_is_none(text: str | None, now: datetime) -> None:
    assert parse_date(text, now) is None


def test_a_clock_may_be_an_hour_fast_but_not_more(now: datetime) -> None:
    assert parse_date((now + timedelta(minutes=59)).isoformat(), now) is not None
    assert parse_date((now + timedelta(minutes=61)).isoformat(), now) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.text("0123456789-/:. ,TZ+NovMarpm", max_size=40))
def test_no_text_crashes_the_reading_of_dates(text: str) -> None:
    found = parse_date(text, datetime(2026, 11, 23, tzinfo=UTC))
    assert found is None or found.utcoffset() == timedelta()
